package main

// operations are those that the stand-in serves; a request to any other fails the test that makes it.
var operations = []string{
	"apps/get-authenticated", "apps/list-installations", "apps/get-installation", "apps/get-repo-installation",
	"apps/create-installation-access-token", "apps/list-repos-accessible-to-installation",
	"rate-limit/get", "users/get-authenticated", "users/get-by-username",
	"repos/get", "repos/list-branches", "repos/get-branch", "repos/get-branch-protection", "repos/get-status-checks-protection",
	"repos/get-all-status-check-contexts", "repos/get-branch-rules", "repos/list-tags",
	"repos/get-commit", "repos/list-commits", "repos/compare-commits-with-basehead", "repos/list-pull-requests-associated-with-commit",
	"repos/get-collaborator-permission-level", "repos/check-collaborator",
	"pulls/list", "pulls/get", "pulls/create", "pulls/update", "pulls/list-commits", "pulls/list-files", "pulls/check-if-merged",
	"pulls/merge", "pulls/list-reviews", "pulls/create-review",
	"issues/list-for-repo", "issues/create", "issues/get", "issues/update", "issues/list-comments", "issues/create-comment", "issues/get-comment", "issues/update-comment",
	"issues/delete-comment", "issues/list-labels-on-issue", "issues/add-labels", "issues/set-labels", "issues/remove-label",
	"issues/list-labels-for-repo", "issues/create-label", "issues/get-label", "issues/add-assignees", "issues/remove-assignees",
	"issues/check-user-can-be-assigned",
	"checks/create", "checks/update", "checks/get", "checks/list-for-ref",
	"repos/create-commit-status", "repos/list-commit-statuses-for-ref", "repos/get-combined-status-for-ref",
	"repos/list-releases", "repos/create-release", "repos/get-release", "repos/get-latest-release", "repos/get-release-by-tag",
	"repos/update-release", "repos/delete-release", "repos/list-release-assets", "repos/get-release-asset",
	"git/get-ref", "git/list-matching-refs", "git/create-ref", "git/update-ref", "git/delete-ref", "git/get-commit", "git/get-tag",
}

// events are the webhooks that the stand-in sends.
var events = []string{"ping", "push", "create", "delete", "pull_request", "issue_comment", "check_run", "status", "release", "issues"}
