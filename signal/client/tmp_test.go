package client_test
import ("testing";"fmt";"runtime";"time";"syscall";"github.com/atriumrtc/atrium/media";hdr "github.com/HdrHistogram/hdrhistogram-go";"github.com/atriumrtc/atrium/signal/client/check";"github.com/atriumrtc/atrium/signal/client")
func TestTmp(t *testing.T){
	ctx, url, _ := start(t, media.GroupPool())
	var cs []*client.Client
	for i := range 8 { cs = append(cs, join(ctx,t,url,"r",string(rune('a'+i)),nil)) }
	for _, c := range cs { await(ctx,t,c,"sees", func(s client.State) bool { return len(s.Receiving) >= 10 }) }
	g0 := runtime.NumGoroutine()
	var a, b syscall.Rusage
	for _, c := range cs { c.ResetStats() }
	syscall.Getrusage(0,&a); time.Sleep(3*time.Second); syscall.Getrusage(0,&b)
	var n uint64; var late uint64
	l1, l2 := newLat()
	for _, c := range cs { st := c.Stats(); n += st.Video.Packets+st.Audio.Packets; late += st.Sent[1].Late; c.AddLatency(l1,l2); fmt.Println(st.Times, flaws(st.Video)) }
	for _, c := range cs { c.Close() }
	time.Sleep(200*time.Millisecond)
	fmt.Println("goroutines", g0, "after client close", runtime.NumGoroutine(), "packets", n, "late", late, "cpu s (server+clients)", float64(b.Utime.Nano()-a.Utime.Nano()+b.Stime.Nano()-a.Stime.Nano())/1e9, "video lat p50/p99 us", l2.ValueAtPercentile(50), l2.ValueAtPercentile(99))
}
func newLat() (a, b *hdr.Histogram) { return check.NewLatency(), check.NewLatency() }
