//go:build !zxing

package main

// zxing is not in this build.
func zxing() []decoder { return nil }
