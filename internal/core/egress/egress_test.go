package egress

import (
	"net/netip"
	"testing"
)

// TestWhere tells addresses apart, however they are written.
func TestWhere(t *testing.T) {
	const outside, inside, metadata = 0, 1, 2
	for text, want := range map[string]int{
		"192.0.2.1": outside, "8.8.8.8": outside, "2606:4700::1111": outside, "::ffff:8.8.8.8": outside, "172.32.0.1": outside, "100.128.0.1": outside,
		"127.0.0.1": inside, "::1": inside, "10.0.0.7": inside, "172.16.0.1": inside, "192.168.1.1": inside, "::ffff:10.0.0.7": inside, "fd00::1": inside, "fd00::1%eth0": inside,
		"0.0.0.0": inside, "0.1.2.3": inside, "::": inside, "224.0.0.1": inside, "ff02::1": inside, "255.255.255.255": inside,
		"100.64.0.1": inside, "192.0.0.8": inside, "198.18.0.1": inside, "64:ff9b::a00:7": inside, "64:ff9b:1::1": inside, "2002:a00:7::": inside, "2001::1": inside,
		"169.254.169.254": metadata, "::ffff:169.254.169.254": metadata, "fe80::1": metadata, "fe80::1%eth0": metadata, "fd00:ec2::254": metadata, "fd00:ec2::254%eth0": metadata,
	} {
		a := netip.MustParseAddr(text)
		if Inside(a) != (want != outside) || Metadata(a) != (want == metadata) {
			t.Errorf("%s: inside %t, metadata %t", text, Inside(a), Metadata(a))
		}
	}
}
