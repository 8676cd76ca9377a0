// Package apis holds no code: its tests compare the data of internal/core/apis with what real control planes serve.
package apis
