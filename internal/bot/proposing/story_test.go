package proposing

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/test/github"
)

const boardLine = "done    dashboard: say what is pending, refused, ignored and failing"

// TestStory follows versions from their publication to the branches.
func TestStory(t *testing.T) {
	town := newTown(t, github.Options{})
	town.expect(town.run())
	town.published["cert"] = []string{"4.1.0", "4.2.3"}
	town.expect(town.run(), `done    open main: open a pull request "Upgrade cert from 4.1.0 to 4.2.3"`, boardLine)
	town.expect(town.pulls(), `#1 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, open ["upgrade"]`)
	town.idle()

	// A newer one takes its place, in the same pull request.
	town.published["cert"] = []string{"4.1.0", "4.2.3", "4.2.4"}
	town.server.ForgetRequests()
	town.expect(doing(town.run()), `done    update main #1: renew "Upgrade cert from 4.1.0 to 4.2.4": its versions are out of date`,
		"done    dashboard: say what is pending, refused, ignored and failing in #2")
	town.expect(town.writes(), "git/push", "pulls/update", "issues/update")
	town.expect(town.pulls(), `#1 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.4, open ["upgrade"]`)
	town.idle()

	// A new major that one branch cannot run comes beside it, and the branch keeps what it can run.
	town.published["cert"] = append(town.published["cert"], "5.0.0")
	town.limits["release-1.31 cert"] = "4.2.4"
	town.settle()
	town.expect(town.pulls(),
		`#1 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.4, open ["no-cherry-pick/1.31" "upgrade"]`,
		`#3 release-1.31 ← upgrade/release-1.31/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.4 on release-1.31, open ["upgrade"]`,
		`#4 main ← upgrade/main/cert.major by branch-bot: Upgrade cert from 4.1.0 to 5.0.0 (major), open ["major" "no-cherry-pick/1.31" "upgrade"]`,
	)
	town.idle()
	town.merge(3)
	town.merge(4)
	town.settle()
	town.expect(town.pulls(),
		`#1 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.4, closed ["no-cherry-pick/1.31" "upgrade"]`,
		`#3 release-1.31 ← upgrade/release-1.31/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.4 on release-1.31, merged ["upgrade"]`,
		`#4 main ← upgrade/main/cert.major by branch-bot: Upgrade cert from 4.1.0 to 5.0.0 (major), merged ["major" "no-cherry-pick/1.31" "upgrade"]`,
	)
	if body := town.pull(1).Body; !strings.HasPrefix(body, "> **Closed by the bot:** nothing newer than what main has is proposed for cert.\n") {
		t.Errorf("the closed pull request says\n%s", body)
	}
	town.idle()
}
