package bench

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// socketDrops is how many packets were dropped so far because a UDP socket of
// the process was read too slowly, by the socket's inode. It is nil where that
// can't be told: process is the process's directory in Linux' proc(5).
func socketDrops(process string) map[string]int64 {
	descriptors, err := os.ReadDir(filepath.Join(process, "fd"))
	if err != nil {
		return nil
	}
	own := map[string]bool{}
	for _, d := range descriptors {
		target, err := os.Readlink(filepath.Join(process, "fd", d.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	drops := map[string]int64{}
	for _, table := range []string{"net/udp", "net/udp6"} {
		f, err := os.Open(filepath.Join(process, table))
		if err != nil {
			continue // IPv6 may be off
		}
		parseUDPTable(f, func(inode string, n int64) {
			if own[inode] {
				drops[inode] = n
			}
		})
		f.Close()
	}
	return drops
}

// parseUDPTable reads /proc/net/udp: for each socket its inode, the tenth
// column, and its drops, the last. What looks otherwise is skipped.
func parseUDPTable(table io.Reader, found func(inode string, drops int64)) {
	for lines := bufio.NewScanner(table); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if len(columns) != 13 {
			continue // the heading has fewer
		}
		if drops, err := strconv.ParseInt(columns[12], 10, 64); err == nil {
			found(columns[9], drops)
		}
	}
}

// dropsSince is how many packets were dropped between two readings; nil when
// either is unknown. A socket that has been closed in between isn't counted.
func dropsSince(before, after map[string]int64) *float64 {
	if before == nil || after == nil {
		return nil
	}
	sum := int64(0)
	for inode, n := range after {
		sum += n - before[inode]
	}
	return figure(float64(sum))
}
