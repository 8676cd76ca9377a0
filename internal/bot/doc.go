// Package bot is what branch-bot does. Everything in it is a plan that is made from a config repository and printed; only adapters act.
package bot
