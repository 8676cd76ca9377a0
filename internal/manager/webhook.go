package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// webhook lets a Git server say that something was pushed. What it says is not read: it is a hint to look, and whoever can send it can
// cause no more than one fetch after another.
type webhook struct {
	address string
	demand  func()
}

// maxWebhook bounds what is read of a delivery before it is answered.
const maxWebhook = 1 << 20

// Start implements manager.Runnable.
func (w *webhook) Start(ctx context.Context) error {
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhook", func(rw http.ResponseWriter, req *http.Request) {
		req.Body = http.MaxBytesReader(rw, req.Body, maxWebhook)
		w.demand()
		rw.WriteHeader(http.StatusAccepted)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
