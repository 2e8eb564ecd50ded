package bench

// Explain puts what to do before an error of the API or of the way to it: for
// the packages below this one.
func Explain(err error) error { return explain(err) }
