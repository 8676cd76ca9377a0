package cluster

import "github.com/addon-manager/addon-manager/internal/core/fault"

// What can be said about a cluster Secret. The first group holds the cluster.
const (
	CodeInvalidObjectName fault.Code = "InvalidObjectName"
	CodeNotACluster       fault.Code = "NotACluster"
	CodeDeleting          fault.Code = "ClusterDeleting"
	CodeNoServer          fault.Code = "NoServer"
	CodeInvalidServer     fault.Code = "InvalidServer"
	CodeInvalidConfig     fault.Code = "InvalidConfig"
	CodeInvalidVersion    fault.Code = "InvalidVersion"
	CodePaused            fault.Code = "Paused"
	CodeDuplicateSecret   fault.Code = "DuplicateSecret"
	CodeDuplicateServer   fault.Code = "DuplicateServer"
	CodeDuplicateName     fault.Code = "DuplicateName"

	CodePlainHTTP          fault.Code = "PlainHTTP"
	CodeLinkLocal          fault.Code = "LinkLocalServer"
	CodeNoName             fault.Code = "NoName"
	CodeUnusualName        fault.Code = "UnusualName"
	CodeReservedName       fault.Code = "ReservedName"
	CodeInvalidCredentials fault.Code = "InvalidCredentials"
	CodeInvalidPause       fault.Code = "InvalidPause"
	CodeInvalidOnDisable   fault.Code = "InvalidOnDisable"
	CodeForeignProject     fault.Code = "ForeignProject"
	CodeInvalidShard       fault.Code = "InvalidShard"
	CodeNamespaced         fault.Code = "NamespacedCluster"
	CodeInvalidText        fault.Code = "InvalidText"
	CodeUnknownAnnotation  fault.Code = "UnknownAnnotation"
	CodeInvalidSwitch      fault.Code = "InvalidSwitch"
	CodeUnknownAddon       fault.Code = "UnknownAddon"
)
