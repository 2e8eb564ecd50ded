//go:build !linux

package store_test

const childDisk = "ATRIUM_STORE_TEST_DISK"

// childOnDisk is for TestFullDisk, which needs Linux.
func childOnDisk(string) int { return 1 }
