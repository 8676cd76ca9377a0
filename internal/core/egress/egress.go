// Package egress tells of addresses whether what comes from outside may lead there: a redirect, a link, or a name that somebody else's name server resolves.
package egress

import "net/netip"

// awsMetadata serves machine credentials like the link-local addresses, from an address that is not link-local.
var awsMetadata = netip.MustParseAddr("fd00:ec2::254")

// special are networks beside those that net/netip knows: shared and reserved ones, and those that carry an IPv4 address inside.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
}

// Metadata reports whether clouds serve machine credentials at an address: nobody is ever sent there, whoever named it.
func Metadata(a netip.Addr) bool {
	a = plain(a)
	return a.IsLinkLocalUnicast() || a == awsMetadata
}

// Inside reports whether an address is one that only we can reach, or nobody.
func Inside(a netip.Addr) bool {
	a = plain(a)
	if Metadata(a) || a.IsLoopback() || a.IsPrivate() || a.IsUnspecified() || a.IsMulticast() {
		return true
	}
	for _, p := range special {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// plain is an address in the one way that it is compared in.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
