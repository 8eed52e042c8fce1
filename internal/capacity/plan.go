package capacity

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Input is what an installation is planned for.
type Input struct {
	CallsPerDay float64 `json:"calls_per_day"`
	// BusyHours are the hours of a day in which the calls come.
	BusyHours float64 `json:"busy_hours"`
	// Years is how long the log is to grow.
	Years float64 `json:"years"`
	// ReplicationFactor is that of the topics.
	ReplicationFactor int `json:"replication_factor"`
	// Licences are the org's Salesforce licences, which its allocation of API requests
	// depends on.
	Licences int `json:"licences"`
}

// Check says what is wrong with the input, all of it.
func (in Input) Check() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	want(in.CallsPerDay >= 1 && in.CallsPerDay <= 1e8, "calls a day must be from 1 to 100,000,000, and are %v", in.CallsPerDay)
	want(in.BusyHours > 0 && in.BusyHours <= 24, "busy hours must be more than 0 and at most 24, and are %v", in.BusyHours)
	want(in.Years > 0 && in.Years <= 50, "years must be more than 0 and at most 50, and are %v", in.Years)
	want(in.ReplicationFactor >= 1 && in.ReplicationFactor <= 10, "the replication factor must be from 1 to 10, and is %d", in.ReplicationFactor)
	want(in.Licences >= 0 && in.Licences <= 1e6, "licences must be from 0 to 1,000,000, and are %d", in.Licences)
	return errors.Join(errs...)
}

// Unit is what a figure counts.
type Unit string

// The units.
const (
	Count     Unit = "count"
	PerSecond Unit = "per second"
	Cores     Unit = "cores"
	Bytes     Unit = "bytes"
	Seconds   Unit = "seconds"
	Share     Unit = "share" // 1 is all
)

// Figure is one answer.
type Figure struct {
	// Key is its name for programs, Name for people; Group is what it is about.
	Group string  `json:"group"`
	Key   string  `json:"key"`
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  Unit    `json:"unit"`
	// Basis is that of its weakest source.
	Basis Basis `json:"basis"`
	// From are its sources.
	From []string `json:"from"`
}

// Plan computes all figures. The input must be one that [Input.Check] finds nothing in.
func Plan(in Input) []Figure {
	p := &plan{}
	callRate := in.CallsPerDay / in.BusyHours / 3600 * peakFactor.Value
	eventRate := callRate * eventsPerCall.Value
	rowRate := callRate * rowsPerCall.Value
	calls := in.CallsPerDay * days.Value * in.Years

	p.group = "load"
	p.add("peak_calls", "calls at the peak", callRate, PerSecond, peakFactor)
	p.add("peak_events", "webhooks at the peak", eventRate, PerSecond, eventsPerCall, peakFactor)
	p.add("peak_rows", "Tasks written at the peak", rowRate, PerSecond, rowsPerCall, peakFactor)
	p.add("calls", "calls at the end of these years", calls, Count, days)

	p.group = "kafka"
	partitions := step.Value * math.Ceil(max(step.Value, calls/mostCalls.Value)/step.Value)
	p.add("partitions", "partitions (kafka.partitions; hard to change later)", partitions, Count, step, mostCalls)
	copies := float64(in.ReplicationFactor)
	year := in.CallsPerDay * days.Value * copies
	p.add("events_year", "disk for events, each year, all copies", year*eventsPerCall.Value*eventBytes.Value, Bytes, eventsPerCall, eventBytes)
	p.add("calls_year", "disk for calls, each year, all copies", year*callPacked.Value*dirty.Value, Bytes, callPacked, dirty)
	p.add("tasks_year", "disk for tasks, each year, all copies", year*outcomePacked.Value*dirty.Value, Bytes, outcomePacked, dirty)
	p.add("topics_disk", "disk for all topics at the end, all copies",
		year*in.Years*(eventsPerCall.Value*eventBytes.Value+(callPacked.Value+outcomePacked.Value)*dirty.Value), Bytes, eventsPerCall, eventBytes, callPacked, outcomePacked, dirty)

	p.group = "processes"
	ingests := processes(eventRate / mostEvents.Value)
	processors := processes(max(eventRate/foldRate.Value*headroom.Value, calls/mostHeld.Value))
	sinks := processes(calls / mostHeld.Value)
	p.add("ingest_processes", "processes of ingest", ingests, Count, mostEvents, fewest)
	p.add("ingest_memory", "memory of each ingest", ingestBytes.Value+program.Value, Bytes, ingestBytes, program)
	p.add("journal_seconds", "a journal of 1 GiB each lasts at the peak", journalEvents.Value/eventRate*ingests, Seconds, journalEvents, eventsPerCall, peakFactor)
	p.add("processor_processes", "processes of the processor", processors, Count, foldRate, headroom, fewest, mostHeld)
	p.add("processor_cores", "cores of all processors at the peak", eventRate*foldSeconds.Value, Cores, foldSeconds, eventsPerCall, peakFactor)
	p.add("processor_memory", "memory of each processor", processorBytes.Value*headroom.Value, Bytes, processorBytes, headroom)
	p.add("processor_disk", "processor.state_dir of each at the end", calls*callBytes.Value*storeShare.Value*merging.Value/processors, Bytes, callBytes, storeShare, merging)
	p.add("sink_processes", "processes of the sink", sinks, Count, fewest, mostHeld)
	p.add("sink_cores", "cores of all sinks at the peak", rowRate*rowSeconds.Value, Cores, rowSeconds, rowsPerCall, peakFactor)
	p.add("sink_memory", "memory of each sink", processorBytes.Value*headroom.Value*sinkMore.Value, Bytes, processorBytes, headroom, sinkMore)
	p.add("sink_disk", "sink.state_dir of each at the end", calls*outcomeBytes.Value*storeShare.Value*merging.Value/sinks, Bytes, outcomeBytes, storeShare, merging)

	p.group = "salesforce"
	allocation := allocationBase.Value + allocationLicence.Value*float64(in.Licences)
	pace := paceShare.Value * allocation * in.BusyHours / paceHours * sinks
	requests := min(requestsSparse.Value*in.CallsPerDay, max(pace, requestsBusy.Value*in.CallsPerDay))
	p.add("allocation", "API requests in 24 hours that the org has", allocation, Count, allocationBase, allocationLicence)
	p.add("requests_day", "API requests a day", requests, Count, requestsSparse, requestsBusy, paceShare, allocationBase)
	p.add("requests_share", "part of the allocation", requests/allocation, Share, requestsSparse, requestsBusy, paceShare, allocationBase)
	p.add("rows_share", "Tasks at the peak, of what an org was seen to take", rowRate/collectionsRate.Value, Share, collectionsRate, rowsPerCall, peakFactor)

	p.group = "long work"
	p.add("restore_processor", "restore of a processor that lost its disk, at the end", calls/processors/restoreCalls.Value, Seconds, restoreCalls)
	p.add("restore_sink", "restore of a sink that lost its disk, at the end", calls/sinks/restoreTimers.Value, Seconds, restoreTimers)
	p.add("verify", "verify of all events, at the end", calls*eventsPerCall.Value/verifyRate.Value, Seconds, verifyRate, eventsPerCall)
	p.add("rebuild_collections", "all Tasks made anew by collections, at the end", calls/collectionsRate.Value, Seconds, collectionsRate)
	p.add("rebuild_bulk", "the same by Bulk API 2.0", calls/bulkRate.Value, Seconds, bulkRate)
	p.add("backfill_day", "backfill of a day's calls from Aircall", in.CallsPerDay/backfillRate.Value*60, Seconds, backfillRate)
	p.add("backfill_all", "backfill of all that Aircall keeps", in.CallsPerDay*365/12*aircallMonths.Value/backfillRate.Value*60, Seconds, backfillRate, aircallMonths)
	return p.figures
}

// processes is how many carry a load, given how many would be busy with it.
func processes(busy float64) float64 { return max(fewest.Value, math.Ceil(busy)) }

// plan collects figures.
type plan struct {
	group   string
	figures []Figure
}

func (p *plan) add(key, name string, value float64, unit Unit, from ...Source) {
	f := Figure{Group: p.group, Key: key, Name: name, Value: value, Unit: unit, Basis: Chosen, From: []string{}}
	for _, s := range from {
		if !slices.Contains(f.From, s.From) {
			f.From = append(f.From, s.From)
		}
		if weakness[s.Basis] > weakness[f.Basis] {
			f.Basis = s.Basis
		}
	}
	p.figures = append(p.figures, f)
}

// weakness orders the bases.
var weakness = map[Basis]int{Chosen: 0, Measured: 1, Documented: 2, Estimated: 3}
