// Package policy checks objects against Gatekeeper's policies: ConstraintTemplates and Constraints, evaluated by its own engine, without a cluster.
package policy

import (
	_ "github.com/open-policy-agent/frameworks/constraint/pkg/client"
	_ "github.com/open-policy-agent/frameworks/constraint/pkg/client/drivers/rego"
)
