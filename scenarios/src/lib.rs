//! Objects, workloads and plans; the explorer, its reports and the command line.
