// Saving

const types = { jpg: "image/jpeg", png: "image/png", webp: "image/webp", tif: "image/tiff", avif: "image/avif" };

function resultName(job) {
  const extension = (Object.entries(types).find(([, type]) => type === job.result.type) || [])[0];
  const own = job.name.split(".").pop().toLowerCase();
  const same = !extension || own === extension || (own === "jpeg" && extension === "jpg") || (own === "tiff" && extension === "tif");
  return same ? job.name : job.name.replace(/\.[^./]*$/, "") + "." + extension;
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** Asks before results with warnings are saved that nobody looked at: "all", "others" or "". */
function consent(list, count) {
  const doubtful = list.filter(job => warningsOf(job).length && !job.isSeen);
  if (!doubtful.length) return Promise.resolve("all");
  $("questionTitle").textContent = list.length === 1 ? "Look at this result before you keep it"
    : `Look at ${doubtful.length} of ${list.length} results before you keep them`;
  $("questionList").replaceChildren(...doubtful.slice(0, count).map(job => {
    const item = document.createElement("li");
    item.textContent = `${job.name}: ${warningsOf(job).map(({ sentence }) => sentence).join("; ")}`;
    return item;
  }));
  $("questionRest").textContent = doubtful.length > count ? `and ${doubtful.length - count} more` : "";
  $("questionAll").textContent = list.length === 1 ? "Save" : "Save all";
  $("questionOthers").hidden = doubtful.length === list.length;
  $("question").returnValue = "";
  $("question").showModal();
  return new Promise(yes => $("question").addEventListener("close", () => yes($("question").returnValue), { once: true }));
}

async function save(job) {
  if (!job || !job.result) return;
  if (job !== chosen && warningsOf(job).length && !job.isSeen) choose(job, false);
  if (await consent([job], 10) && job.result) download(job.result, resultName(job).split("/").pop());
}

/** Numbers of these sizes, least byte first. */
function fields(...list) {
  const view = new DataView(new ArrayBuffer(list.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of list) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

/** A zip of files as they are: pictures are compressed already. Beyond 4 GiB and 65,535 files it is a zip64. */
function zip(files) {
  const parts = [], index = [], used = new Set(), most = 0xFFFFFFFF;
  let place = 0;
  for (const { name, blob, crc } of files) {
    let unique = name;
    for (let n = 1; used.has(unique); n++) unique = name.replace(/(\.[^./]*)?$/, ext => `-${n}${ext}`);
    used.add(unique);
    const text = new TextEncoder().encode(unique);
    const isFar = place >= most;
    const common = [[2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, crc], [4, blob.size], [4, blob.size], [2, text.length]];
    parts.push(fields([4, 0x04034b50], [2, 20], ...common, [2, 0]), text, blob);
    index.push(fields([4, 0x02014b50], [2, 45], [2, isFar ? 45 : 20], ...common, [2, isFar ? 12 : 0], [2, 0], [2, 0], [2, 0], [4, 0],
      [4, isFar ? most : place]), text);
    if (isFar) index.push(fields([2, 1], [2, 8], [8, place]));
    place += 30 + text.length + blob.size;
  }
  const size = index.reduce((sum, part) => sum + part.length, 0), count = files.length;
  const isLarge = place + size >= most || count >= 0xFFFF;
  const end = isLarge ? [fields([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, size], [8, place]),
    fields([4, 0x07064b50], [4, 0], [8, place + size], [4, 1])] : [];
  const few = Math.min(count, 0xFFFF);
  return new Blob([...parts, ...index, ...end, fields([4, 0x06054b50], [2, 0], [2, 0], [2, few], [2, few], [4, Math.min(size, most)],
    [4, Math.min(place, most)], [2, 0])], { type: "application/zip" });
}

$("saveAll").addEventListener("click", async () => {
  let done = [...jobs.values()].filter(job => job.result);
  const answer = await consent(done, 10);
  if (!answer) return;
  if (answer === "others") done = done.filter(job => !warningsOf(job).length || job.isSeen);
  done = done.filter(job => job.result);
  download(zip(done.map(job => ({ name: resultName(job), blob: job.result, crc: job.crc }))), "restored.zip");
});
$("save").addEventListener("click", () => save(chosen));
