package cluster

// ServerKey is equal for two clusters exactly when Duplicates counts their servers as one; "" when there is none.
func (f Facts) ServerKey() string {
	if f.Server == "" {
		return ""
	}
	return serverKey(f.Server)
}
