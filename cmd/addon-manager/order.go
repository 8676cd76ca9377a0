package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// order is what all commands share that change the fleet. Each sets a field of the spec of one object and nothing else, so that the same
// can be done with kubectl or from Git; the manager does the rest.
type order struct {
	connect connection
	now     func() time.Time
	output  string
	dryRun  bool
}

func (o *order) add(cmd *cobra.Command) {
	o.connect.add(cmd)
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "table (a text), json or yaml")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "check the order and print what it would set, and write nothing")
}

// said is what an order tells: in one line what it set and what follows, then what is worth knowing about it.
type said struct {
	Message string   `json:"message"`
	Details []string `json:"details,omitempty"`
}

// answer is what an order prints with -o json.
type answer struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Changed tells whether a field was set, or would be without DryRun: the same order twice changes nothing the second time.
	Changed bool `json:"changed"`
	DryRun  bool `json:"dryRun,omitempty"`
	said
}

// target reads the object that an order is about; one without a resource version is yet to be created.
type target[T client.Object] func(ctx context.Context, c client.Reader) (T, error)

// decision changes the spec of an object that was just read. It is asked again when somebody else changed the object meanwhile.
type decision[T client.Object] func(ctx context.Context, c client.Reader, object T) (said, error)

// fieldOwner tells people's orders apart from what the manager writes, in metadata.managedFields.
const fieldOwner = "addon-manager-cli"

// patience is how often, and with which pauses, an order is tried again: the manager writes the status of the same objects.
var patience = wait.Backoff{Duration: 10 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 8}

// run carries an order out and prints its answer.
func run[T client.Object](cmd *cobra.Command, o *order, read target[T], decide decision[T]) error {
	format, err := show.ParseFormat(o.output)
	if err != nil {
		return cli.Usagef("%w", err)
	}
	c, err := o.connect.client()
	if err != nil {
		return err
	}
	got, err := carryOut(cmd.Context(), c, o.dryRun, read, decide)
	if err != nil {
		return err
	}
	if format != show.Table {
		return show.Encode(cmd.OutOrStdout(), format, got)
	}
	return got.print(cmd.OutOrStdout())
}

// carryOut patches only what the decision changed, and only if nobody wrote the object since it was read; otherwise it reads it again.
func carryOut[T client.Object](ctx context.Context, c client.Client, dryRun bool, read target[T], decide decision[T]) (answer, error) {
	var got answer
	var conflict error
	err := wait.ExponentialBackoffWithContext(ctx, patience, func(ctx context.Context) (bool, error) {
		object, err := read(ctx, c)
		if err != nil {
			return false, err
		}
		before := object.DeepCopyObject().(T)
		gvk, err := apiutil.GVKForObject(object, c.Scheme())
		if err != nil {
			return false, err
		}
		got = answer{Kind: gvk.Kind, Namespace: object.GetNamespace(), Name: object.GetName(), DryRun: dryRun}
		if got.said, err = decide(ctx, c, object); err != nil {
			return false, err
		}
		if got.Changed = !equality.Semantic.DeepEqual(before, object); !got.Changed || dryRun {
			return true, nil
		}
		if object.GetResourceVersion() == "" {
			err = c.Create(ctx, object, client.FieldOwner(fieldOwner))
		} else {
			err = c.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), client.FieldOwner(fieldOwner))
		}
		if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
			conflict = err
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("write %s %q: %w", got.Kind, got.Name, err)
		}
		return true, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return answer{}, fmt.Errorf("%s %q was changed by others at each of %d tries, and nothing was set; try again: %w", got.Kind, got.Name, patience.Steps, conflict)
	}
	return got, err
}

func (a answer) print(w io.Writer) error {
	text := a.Message + "\n"
	if a.DryRun {
		text = "dry run, nothing is written: " + text
	}
	for _, d := range a.Details {
		text += "  " + d + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
