import Foundation
import ImageRestoration
import Testing

/// Names as old archives and other systems left them: bytes that are no UTF-8, twins that look alike, marks
/// in front. The shell makes them, Python lists them.
@Suite struct PathBytesTests {
  /// Runs a script where `$irrun` is the tool, `m.onnx` gives pictures back, and `a.png` is one.
  private func script(_ text: String) throws -> String {
    var said = ""
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try writePicture("\(folder)/a.png")
      try Data(Self.listing.utf8).write(to: URL(fileURLWithPath: "\(folder)/list.py"))
      said = try system(
        "bash", "-c", "irrun=\"$0\"; export LC_ALL=C; \(text)", try toolPath("irrun"), at: folder)
    }
    return said
  }

  /// Prints the names below folders as Python spells bytes, sorted; and the paths that lines of JSON state.
  private static let listing = """
    import json, os, sys
    def spelled(text):
        return b''.join(bytes([ord(c) - 0x10F700]) if 0x10F780 <= ord(c) <= 0x10F7FF else c.encode() for c in text)
    if sys.argv[1] == '--json':
        lines = [json.loads(line) for line in open(sys.argv[2], encoding='utf-8')]
        print(sorted(spelled(line[sys.argv[3]]) for line in lines))
    else:
        print(sorted(os.path.relpath(os.path.join(at, n), os.fsencode(f))
            for f in sys.argv[1:] for at, _, names in os.walk(os.fsencode(f)) for n in names
            if not n.startswith(b'.')))
    """

  private static let odd =
    #"mkdir in; for n in 'caf\xe9' '\xff\xfebad' 'caf\xc3\xa9' 'cafe\xcc\x81' '\xcc\x81accent' '\xef\xb8\x8fv' '\xe2\x80\x8dz' '\xf4\x8f\x9f\xa9'; "#
    + #"do cp a.png "$(printf "in/$n.png")"; done; "#

  @Test func foldersOfOddNamesAreRestored() throws {
    let said = try script(
      Self.odd
        + "$irrun -m m.onnx -i in -o out --json > lines; echo $?; python3 list.py in; python3 list.py out; "
        + "$irrun -m m.onnx -i in -o res --if-exists resume > /dev/null; "
        + "$irrun -m m.onnx -i in -o res --if-exists resume --json | grep -c kept; "
        + "$irrun -m m.onnx -i 'in/*.png' -o 'made/{stem}_{model}.{ext}' > /dev/null; ls made | wc -l; "
        + "python3 list.py --json lines input; python3 list.py --json lines output")
    let lines = said.split(separator: "\n").map(String.init)
    try #require(lines.count == 7, "\(said)")
    #expect(lines[0] == "0" && lines[1] == lines[2] && lines[3] == "8" && lines[4] == "8", "\(said)")
    #expect(lines[1].contains(#"b'caf\xe9.png'"#) && lines[1].contains(#"b'cafe\xcc\x81.png'"#), "\(said)")
    #expect(lines[5].replacingOccurrences(of: "b'in/", with: "b'") == lines[1], "\(said)")
    #expect(lines[6].replacingOccurrences(of: "b'out/", with: "b'") == lines[1], "\(said)")
  }

  @Test func argumentsAndListsAreBytes() throws {
    let said = try script(
      Self.odd
        + #"$irrun -m m.onnx -i $'in/caf\xe9.png' -o $'one/caf\xe9.jpg/../\xe9.jpg' || mkdir one; "#
        + #"$irrun -m m.onnx $'in/caf\xe9.png' $'one/caf\xe9.jpg'; "#
        + #"ls in/*.png | $irrun -m m.onnx --list - -o lines; ls in/*.png > l; "#
        + "$irrun -m m.onnx --list l -o file; python3 list.py one lines file")
    #expect(said.contains(#"one/caf\xE9.jpg"#), "\(said)")
    #expect(said.hasSuffix("]") && said.components(separatedBy: #"b'caf\xe9.png'"#).count == 3, "\(said)")
    #expect(said.contains(#"b'caf\xe9.jpg'"#) && !said.contains(#"\xef\xbf\xbd"#), "\(said)")
  }

  @Test func folderNamesAreBytesToo() throws {
    let said = try script(
      #"d=$'in/\xcc\x81d\xe9/\xe2\x80\x8d'; mkdir -p "$d"; cp a.png "$d/x.png"; "#
        + #"$irrun -m m.onnx -i in -o $'\xcc\x81out\xe9' --recurse > /dev/null; python3 list.py *out*; "#
        + #"$irrun -m m.onnx -i "$d/x.png" -o $'t\xe9/\xcc\x81{stem}/{name}' > /dev/null; python3 list.py t*; "#
        + #"cp m.onnx $'m\xe9.onnx'; $irrun -m $'m\xe9.onnx' -i a.png -o b.png > /dev/null; cmp a.png b.png && echo same"#
    )
    let lines = said.split(separator: "\n")
    try #require(lines.count == 3, "\(said)")
    #expect(lines[0] == #"[b'\xcc\x81d\xe9/\xe2\x80\x8d/x.png']"#, "\(said)")
    #expect(lines[1] == #"[b'\xcc\x81x/x.png']"#, "\(said)")
    #expect(lines[2] == "same")
  }

  /// Messages show bytes that are no text, and print no broken text.
  @Test func messagesSpellBytes() throws {
    let said = try script(
      #"$irrun -m m.onnx -i $'caf\xe9.png' -o b.png 2>&1; echo $?; "#
        + #"$irrun -m m.onnx -i a.png -o $'b.\xe9' 2>&1; echo $?"#)
    #expect(said.contains(#"caf\xE9.png: no such file or folder"#), "\(said)")
    #expect(said.contains(#"b.\xE9: "#), "\(said)")
  }

  /// Every format is written and read under such names.
  @Test(arguments: ["png", "jpg", "tif", "webp", "avif", "heic", "jxl", "ppm"])
  func everyFormatTakesOddNames(_ suffix: String) throws {
    let said = try script(
      "mkdir $'d\\xe9'; $irrun -m m.onnx -i a.png -o $'d\\xe9/x\\xff.\(suffix)' > /dev/null; "
        + "$irrun -m m.onnx -i $'d\\xe9' -o $'e\\xe9' -f png > /dev/null; python3 list.py d* e*")
    #expect(said.contains(#"b'x\xff.\#(suffix)'"#) && said.contains(#"b'x\xff.png'"#), "\(said)")
  }

  @Test func listsMayBeSeparatedByZeros() throws {
    let said = try script(
      Self.odd + #"cp a.png $'in/two\nlines.png'; find in -name '*.png' -print0 > zeros; "#
        + "$irrun -m m.onnx --list - -o out --json < zeros | wc -l; "
        + "$irrun -m m.onnx --list zeros -o file > /dev/null; "
        + "python3 list.py in; python3 list.py out; python3 list.py file")
    let lines = said.split(separator: "\n").map(String.init)
    try #require(lines.count == 4, "\(said)")
    #expect(lines[0] == "9" && lines[1] == lines[2] && lines[1] == lines[3], "\(said)")
    #expect(lines[1].contains(#"two\nlines"#))
  }

  /// Pipes that the command names are read and written; those that lie in a folder keep nobody waiting.
  @Test func pipesAreReadAndWritten() throws {
    let said = try script(
      #"cat a.png | $irrun -m m.onnx -i /dev/stdin -o b.png > /dev/null; cmp a.png b.png && echo 1; "#
        + #"$irrun -m m.onnx -i <(cat a.png) -o c.png > /dev/null; cmp a.png c.png && echo 2; "#
        + #"mkfifo f.png; cat a.png > f.png & $irrun -m m.onnx -i f.png -o out/ > /dev/null; cmp a.png out/f.png && echo 3; "#
        + #"$irrun -m m.onnx -i a.png -o /dev/stdout 2>/dev/null | cmp - a.png && echo 4; "#
        + #"$irrun -m m.onnx -i a.png -o /dev/null > /dev/null && test -c /dev/null && echo 5; "#
        + #"mkdir in; mkfifo in/p.png; cp a.png in/; timeout 60 $irrun -m m.onnx -i in -o from 2>&1 >/dev/null; ls from; "#
        + #"$irrun -m m.onnx -i /dev/null -o d.png 2>&1; echo $?; $irrun -m m.onnx -i /dev/zero -o d.png --memory 64M 2>&1; echo $?"#
    )
    let lines = said.split(separator: "\n").map(String.init)
    #expect(Array(lines.prefix(5)) == ["1", "2", "3", "4", "5"], "\(said)")
    #expect(said.contains("left out: 1 .png\na.png\n"), "\(said)")
    #expect(said.contains("it is empty") && said.contains("that are taken from there"), "\(said)")
  }

  /// A picture that waits for its reader leaves no file.
  @Test func anEndedStreamLeavesNothing() throws {
    let said = try script(
      #"mkdir tmp; mkfifo p; sleep 60 < p > /dev/null 2>&1 & reader=$!; "#
        + #"python3 -c "import os,zlib;open('n.ppm','wb').write(b'P6 400 300 255\n'+os.urandom(360000))"; "#
        + #"TMPDIR=$PWD/tmp $irrun -m m.onnx -i n.ppm -o - > p 2> said & tool=$!; "#
        + #"for i in $(seq 600); do ls tmp/irkit-*.png > /dev/null 2>&1 && break; sleep 0.1; done; ls tmp | wc -l; "#
        + #"kill -TERM $tool; wait $tool; echo $?; kill $reader; ls -A tmp | wc -l"#)
    #expect(said.split(separator: "\n").map(String.init) == ["1", "143", "0"], "\(said)")
  }

  /// Two runs side by side number their outputs without meeting.
  @Test func runsSideBySideMeetInNoName() throws {
    let said = try script(
      #"mkdir x y; for i in $(seq 30); do cp a.png x/$i.png; cp a.png y/$i.png; done; "#
        + #"for d in x y; do $irrun -m m.onnx -i $d -o out --if-exists rename > /dev/null & done; wait; ls out | wc -l"#
    )
    #expect(said == "60", "\(said)")
  }
}
