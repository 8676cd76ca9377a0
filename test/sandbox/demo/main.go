// Command demo starts the sandbox, shows a delivery from Git to running workloads on three Kubernetes minors, and stays up
// to be tried by hand until Ctrl-C. With --once it ends by itself: 0 when everything came out as it should, else 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	once := flag.Bool("once", false, "end after the last step, with exit code 0 or 1")
	limit := flag.Duration("timeout", 15*time.Minute, "how long the steps may take, once everything is built")
	manager := flag.String("manager", beside("addon-manager"), "the addon-manager to run; empty builds it")
	bot := flag.String("branch-bot", beside("branch-bot"), "the branch-bot to run; empty builds it")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo takes no argument, got %q\n", flag.Args())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, &demo{manager: *manager, bot: *bot}, *once, *limit); err != nil {
		if ctx.Err() != nil {
			fmt.Println("stopped")
			os.Exit(130)
		}
		fmt.Fprintf(os.Stderr, "\nDEMO FAILED: %v\n", err)
		os.Exit(1)
	}
}

// beside is the path of a program in the folder of this one; "" when it is not there.
func beside(program string) string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	path := filepath.Join(filepath.Dir(self), program)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func run(ctx context.Context, d *demo, once bool, limit time.Duration) (err error) {
	dir, err := os.MkdirTemp("", "addon-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			fmt.Printf("the logs are kept in %s\n", dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()

	d.dir, d.fleet, d.begin = dir, fleet(), time.Now()
	defer d.stop()
	if err := d.play(ctx, limit); err != nil {
		return err
	}
	d.say("all steps done: everything came out as it should")
	if once {
		return nil
	}
	d.invite()
	<-ctx.Done()
	fmt.Println("stopping")
	return nil
}
