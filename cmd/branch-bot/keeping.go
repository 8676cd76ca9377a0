package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"sync"

	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/spf13/cobra"
)

// keeping is a reconcile that is done again and again by one process: what can be kept between passes is kept.
type keeping struct {
	upkeep
	apply bool
	// plan says what is to be done to a repository that is open.
	plan func(ctx context.Context, p *place, o bot.Options) ([]*steps.Step, error)
}

func (k *keeping) add(cmd *cobra.Command) {
	k.upkeep.add(cmd)
	cmd.Flags().BoolVar(&k.apply, "apply", false, "do what is planned, instead of only saying it")
}

// keeper does the passes, one at a time.
type keeper struct {
	keeping
	logger    *log.Logger
	rendering bot.Options
	rendered  func()
	// mu guards what deliveries ask for while a pass runs.
	mu    sync.Mutex
	place *place
	// told is what the last pass had to say without doing anything.
	told map[string]bool
}

func (k keeping) open(errs io.Writer) (*keeper, error) {
	kept := &keeper{keeping: k, logger: log.New(errs, "", log.LstdFlags|log.LUTC)}
	var err error
	kept.rendering, kept.rendered, err = k.rendering.open(kept)
	return kept, err
}

func (k *keeper) close() {
	k.rendered()
	if p := k.current(); p != nil {
		_ = p.Close()
	}
}

// Write makes lines of what others say into log lines.
func (k *keeper) Write(p []byte) (int, error) {
	k.logger.Print(string(p))
	return len(p), nil
}

func (k *keeper) log(message string, pairs ...any) { k.logger.Print(line(message, pairs)) }

func (k *keeper) current() *place {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.place
}

// names are what the repository is called; none while nobody knows.
func (k *keeper) names() []string {
	if p := k.current(); p != nil {
		return []string{p.name}
	}
	return nil
}

func (k *keeper) login() string {
	if p := k.current(); p != nil {
		return p.login
	}
	return ""
}

func (k *keeper) spent() (asked, unchanged, writes int) {
	if p := k.current(); p != nil && p.hub != nil {
		return p.hub.Spent()
	}
	return 0, 0, 0
}

// pass reconciles once. When stop is closed, the step that is being done is finished, and no other begun.
func (k *keeper) pass(ctx context.Context, stop <-chan struct{}) error {
	between, cancel := until(ctx, stop)
	defer cancel()
	p, err := k.arrive(between)
	if err != nil {
		return err
	}
	plan, planned := k.plan(between, p, k.rendering)
	if between.Err() != nil {
		return between.Err()
	}
	told := map[string]bool{}
	for _, s := range plan {
		switch do := s.Do; {
		case do == nil || !k.apply:
			// The same in every pass is news only once.
			said := markdown.Clean(s.Name() + ": " + s.Sentence())
			if told[said] = true; !k.told[said] {
				k.log("plan", "step", said)
			}
		default:
			s.Do = func(context.Context) error { return do(ctx) }
		}
	}
	k.told = told
	if !k.apply {
		return planned
	}
	return errors.Join(planned, steps.Apply(between, plan, func(r steps.Result) {
		if r.Outcome != steps.Told {
			k.logger.Print(r.Line())
		}
	}))
}

// arrive opens the repository the first time, and later finds out how it is called now.
func (k *keeper) arrive(ctx context.Context) (*place, error) {
	if p := k.current(); p != nil {
		changed := *p
		if err := k.forge.introduce(ctx, &changed); err != nil {
			return nil, err
		}
		if err := k.forge.commits(&changed); err != nil {
			return nil, err
		}
		k.settle(&changed)
		return &changed, nil
	}
	p, err := k.forge.open(ctx, k, true)
	if err != nil {
		return nil, fmt.Errorf("open the repository: %w", err)
	}
	k.settle(p)
	return p, nil
}

func (k *keeper) settle(p *place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.place = p
}
