package github

// route is how one operation is carried out.
type route struct {
	handle func(*call) answer
	// level is what a user needs in the repository.
	level string
	// permission is what an app or a token with bounds needs; any of several with | between them. "app" is for what apps ask with their key.
	permission string
}

// routes are the operations; test/github/generate has the same list, and a test compares them.
var routes = map[string]route{
	"apps/get-authenticated":                     {getApp, "", "app"},
	"apps/list-installations":                    {listInstallations, "", "app"},
	"apps/get-installation":                      {getInstallation, "", "app"},
	"apps/get-repo-installation":                 {getRepositoryInstallation, "", "app"},
	"apps/create-installation-access-token":      {createToken, "", "app"},
	"apps/list-repos-accessible-to-installation": {listInstalled, "", ""},
	"rate-limit/get":                             {getRateLimit, "", ""},
	"users/get-authenticated":                    {getUser, "", ""},
	"users/get-by-username":                      {getUserByName, "", ""},

	"repos/get":                                       {getRepository, "read", "metadata:read|contents:read"},
	"repos/list-branches":                             {listBranches, "read", "contents:read"},
	"repos/get-branch":                                {getBranch, "read", "contents:read"},
	"repos/get-branch-protection":                     {getProtection, "admin", "administration:read"},
	"repos/get-status-checks-protection":              {getRequiredChecks, "admin", "administration:read"},
	"repos/get-all-status-check-contexts":             {getRequiredContexts, "admin", "administration:read"},
	"repos/get-branch-rules":                          {getBranchRules, "read", "metadata:read"},
	"repos/list-tags":                                 {listTags, "read", "contents:read"},
	"repos/get-commit":                                {getCommit, "read", "contents:read"},
	"repos/list-commits":                              {listCommits, "read", "contents:read"},
	"repos/compare-commits-with-basehead":             {compare, "read", "contents:read"},
	"repos/list-pull-requests-associated-with-commit": {pullsOfCommit, "read", "pull_requests:read"},
	"repos/get-collaborator-permission-level":         {getLevel, "read", "metadata:read"},
	"repos/check-collaborator":                        {checkCollaborator, "read", "metadata:read"},

	"pulls/list":            {listPulls, "read", "pull_requests:read"},
	"pulls/get":             {getPull, "read", "pull_requests:read"},
	"pulls/create":          {createPull, "read", "pull_requests:write"},
	"pulls/update":          {updatePull, "read", "pull_requests:write"},
	"pulls/list-commits":    {listPullCommits, "read", "pull_requests:read"},
	"pulls/list-files":      {listPullFiles, "read", "pull_requests:read"},
	"pulls/check-if-merged": {checkMerged, "read", "pull_requests:read"},
	"pulls/merge":           {mergePull, "write", "contents:write"},
	"pulls/list-reviews":    {listReviews, "read", "pull_requests:read"},
	"pulls/create-review":   {createReview, "read", "pull_requests:write"},

	"issues/list-for-repo":              {listIssues, "read", "issues:read|pull_requests:read"},
	"issues/create":                     {createIssue, "read", "issues:write"},
	"issues/get":                        {getIssue, "read", "issues:read|pull_requests:read"},
	"issues/update":                     {updateIssue, "triage", "issues:write|pull_requests:write"},
	"issues/list-comments":              {listComments, "read", "issues:read|pull_requests:read"},
	"issues/create-comment":             {createComment, "read", "issues:write|pull_requests:write"},
	"issues/get-comment":                {getComment, "read", "issues:read|pull_requests:read"},
	"issues/update-comment":             {updateComment, "read", "issues:write|pull_requests:write"},
	"issues/delete-comment":             {deleteComment, "read", "issues:write|pull_requests:write"},
	"issues/list-labels-on-issue":       {listLabels, "read", "issues:read|pull_requests:read"},
	"issues/add-labels":                 {addLabels, "triage", "issues:write|pull_requests:write"},
	"issues/set-labels":                 {setLabels, "triage", "issues:write|pull_requests:write"},
	"issues/remove-label":               {removeLabel, "triage", "issues:write|pull_requests:write"},
	"issues/list-labels-for-repo":       {listRepositoryLabels, "read", "issues:read|pull_requests:read"},
	"issues/create-label":               {createLabel, "write", "issues:write|pull_requests:write"},
	"issues/get-label":                  {getLabel, "read", "issues:read|pull_requests:read"},
	"issues/add-assignees":              {addAssignees, "triage", "issues:write|pull_requests:write"},
	"issues/remove-assignees":           {removeAssignees, "triage", "issues:write|pull_requests:write"},
	"issues/check-user-can-be-assigned": {checkAssignee, "read", "issues:read|pull_requests:read"},

	"checks/create":                      {createRun, "read", "checks:write"},
	"checks/update":                      {updateRun, "read", "checks:write"},
	"checks/get":                         {getRun, "read", "checks:read"},
	"checks/list-for-ref":                {listRuns, "read", "checks:read"},
	"repos/create-commit-status":         {createStatus, "write", "statuses:write"},
	"repos/list-commit-statuses-for-ref": {listStatuses, "read", "statuses:read"},
	"repos/get-combined-status-for-ref":  {combinedStatus, "read", "statuses:read"},

	"repos/list-releases":       {listReleases, "read", "contents:read"},
	"repos/create-release":      {createRelease, "write", "contents:write"},
	"repos/get-release":         {getRelease, "read", "contents:read"},
	"repos/get-latest-release":  {getLatestRelease, "read", "contents:read"},
	"repos/get-release-by-tag":  {getReleaseByTag, "read", "contents:read"},
	"repos/update-release":      {updateRelease, "write", "contents:write"},
	"repos/delete-release":      {deleteRelease, "write", "contents:write"},
	"repos/list-release-assets": {listAssets, "read", "contents:read"},
	"repos/get-release-asset":   {getAsset, "read", "contents:read"},

	"git/get-ref":            {getRef, "read", "contents:read"},
	"git/list-matching-refs": {listRefs, "read", "contents:read"},
	"git/create-ref":         {createRef, "write", "contents:write"},
	"git/update-ref":         {updateRef, "write", "contents:write"},
	"git/delete-ref":         {deleteRef, "write", "contents:write"},
	"git/get-commit":         {getGitCommit, "read", "contents:read"},
	"git/get-tag":            {getGitTag, "read", "contents:read"},
}
