// Package report is the arithmetic of the reports (section 8 of the specification):
// what is kept of a visit, a call, a group and a Consult Now link that is over
// ([VisitRow], [CallRow], [GroupRow], [ConsultRow]), the totals that are kept of
// them, the filter that a reader gives ([Parse]), and how a report is written:
// JSON and CSV as a stream, or a workbook ([NewWriter]), drawings as SVG by
// gonum.org/v1/plot ([DayCounts.Days], [Waits], [BusyTimes.Concurrency],
// [Heat.Draw]). It reads and stores nothing and imports nothing of Atrium; what
// bytes a row is kept as it says ([VisitRow.MarshalBinary], stored.go).
//
// Nothing here says who a guest is: rows name visits by their ids, which are
// random.
//
// The one contract to know: what is added up is kept for each quarter of an
// hour and for each day of UTC ([Cover] says which of them a period is made of).
// All time zones of today begin their days and hours on a quarter of UTC, so
// that their days, also those of 23 and 25 hours, are made of whole quarters;
// what begins or ends within one is made up from rows. Totals merge: the order
// doesn't matter.
//
// Waiting times are kept in a [Histogram]: the median and the 95th percentile
// of one are off by half a second at most below a minute, and by 1.6 % at most
// beyond. Means are exact.
package report
