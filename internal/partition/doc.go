// Package partition reads partitions of topics by offset: to their end as it is
// at the beginning, or single records. It only reads, and committed records only.
//
// It asks the leaders itself: a consumer would not tell that there is nothing
// more to come, which is what a reader of a compacted topic has to know.
// Where a partition moves to another broker it goes on there, from the same offset;
// while none leads it waits for a minute.
//
// A transaction that is open meanwhile is waited for, but not for ever: one that
// was left by a killed process must not keep an operator from an answer.
package partition
