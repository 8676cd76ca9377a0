package catalog

import "strings"

// nearest is the word that a typing slip most likely meant, or "".
func nearest(s string, words []string) string {
	best, distance := "", 3
	if len(s) > 64 {
		return ""
	}
	for _, w := range words {
		if strings.EqualFold(s, w) {
			return w
		}
		if d := slips(s, w); d < distance && d < len(w)/2 {
			best, distance = w, d
		}
	}
	return best
}

// slips counts the letters to add, drop or replace (Levenshtein distance).
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
