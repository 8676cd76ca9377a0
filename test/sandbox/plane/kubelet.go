package main

func kubelet() int { return 0 }
