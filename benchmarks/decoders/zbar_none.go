//go:build !zbar

package main

// zbar is not in this build.
func zbar() []decoder { return nil }
