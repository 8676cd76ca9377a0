package rollout

import "github.com/addon-manager/addon-manager/internal/core/fault"

// Why a cluster may not have the newest release.
const (
	CodeWaitingForGroup  fault.Code = "WaitingForGroup"
	CodeWaitingForSlot   fault.Code = "WaitingForSlot"
	CodeWaitingForWindow fault.Code = "WaitingForWindow"
	// CodeRolloutHalted is a halt by failures, CodeReleaseHalted one by a person.
	CodeRolloutHalted fault.Code = "RolloutHalted"
	CodeReleaseHalted fault.Code = "ReleaseHalted"
	CodeUnreachable   fault.Code = "Unreachable"
	CodeRolledBack    fault.Code = "RolledBack"
	CodePinned        fault.Code = "Pinned"
	CodePinUnusable   fault.Code = "PinUnusable"
	CodeExempt        fault.Code = "Exempt"
	// CodeAhead marks a cluster that was admitted to a release which is not usable at the moment. Its permit is the newest that is, and is no
	// reason to go back.
	CodeAhead     fault.Code = "Ahead"
	CodeNoRelease fault.Code = "NoRelease"
)
