package main

import (
	"context"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
)

type uncached struct{ *render.Pool }

func (u uncached) Render(ctx context.Context, _ render.Source, job engine.Job) (engine.Output, error) { return u.Pool.Render(ctx, job) }
func (u uncached) Fresh(ctx context.Context, _ render.Source, job engine.Job) (engine.Output, error) { return u.Pool.Render(ctx, job) }
