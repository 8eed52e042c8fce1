package schemas
import ("testing";"crypto/sha256";"github.com/tidwall/gjson")
func BenchmarkZSha(b *testing.B){ body,_ := benchBody(b); body=body[:2900]; for b.Loop(){ sha256.Sum256(body) } }
func BenchmarkZValid(b *testing.B){ body,_ := benchBody(b); for b.Loop(){ gjson.ValidBytes(body) } }
func BenchmarkZParse(b *testing.B){ body,_ := benchBody(b); for b.Loop(){ ParseEvent(body) } }
func BenchmarkZFold(b *testing.B){ body,r := benchBody(b); e,_ := ParseEvent(body); for b.Loop(){ Fold(r,e,10) } }
func BenchmarkZMembers(b *testing.B){ body,_ := benchBody(b); d := membersOf(value(body),8).get("data"); for b.Loop(){ membersOf(d,32) } }
func BenchmarkZHash(b *testing.B){ body,_ := benchBody(b); d := membersOf(membersOf(value(body),8).get("data"),32); for b.Loop(){ d.hash() } }
func BenchmarkZRead(b *testing.B){ body,_ := benchBody(b); d := membersOf(membersOf(value(body),8).get("data"),32); for b.Loop(){ var s snapshot; s.readCall("call.ended",d) } }
func BenchmarkZRoot(b *testing.B){ body,_ := benchBody(b); for b.Loop(){ membersOf(value(string(body)),8) } }
func BenchmarkZDeep(b *testing.B){ body,_ := benchBody(b); for b.Loop(){ tooDeep(body) } }
