// Package capacity computes what an installation needs from how many calls it has a day:
// partitions, processes, memory, disk, API requests, and how long the long work takes. It is
// arithmetic on constants; it asks nobody and reads no clock.
//
// Each constant is a [Source]: chosen (by who plans), measured (by a benchmark or a run of
// this repository, on generated calls), documented (by Salesforce, Aircall or others, or by
// this program as a bound), or estimated (by nobody's measurement). A figure says which of
// them it comes from, and is worth as much as the weakest of these.
package capacity
