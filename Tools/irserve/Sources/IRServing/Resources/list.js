// The list

function row(job) {
  const item = $("item").content.firstElementChild.cloneNode(true);
  item.job = job;
  const name = item.querySelector(".name");
  name.textContent = name.title = job.name;
  const state = item.querySelector(".state");
  state.id = `state-${job.id}`;
  name.setAttribute("aria-describedby", state.id);
  name.addEventListener("click", () => choose(job));
  item.querySelector(".thumb").addEventListener("click", () => choose(job));
  item.querySelector(".again").addEventListener("click", () => { queue(job); next(); });
  item.querySelector(".keep").addEventListener("click", () => save(job));
  item.querySelector(".end").addEventListener("click", () => isOpen(job) ? cancel(job) : drop(job));
  return item;
}

const phases = { waiting: "waits at the server", restoring: "is restored", writing: "is written" };
const warningsOf = job => job.report ? job.report.warnings : [];

function show(job) {
  const item = job.item;
  const warnings = warningsOf(job).length;
  item.className = [job === chosen ? "chosen" : "", job.state === "failed" ? "failed" : "", warnings ? "warned" : ""].join(" ");
  const name = item.querySelector(".name");
  if (job === chosen) name.setAttribute("aria-current", "true"); else name.removeAttribute("aria-current");
  // One picture of the list is in the order of the tabulator; arrows go to the others.
  const place = job === (chosen || jobs.values().next().value) ? 0 : -1;
  item.querySelector(".state").textContent = {
    ready: "not restored yet",
    waiting: job.error || "waits",
    sent: `${phases[job.phase]}${job.phase === "restoring" ? `, ${Math.round(100 * job.share)} %` : ""}`,
    done: job.report ? `done in ${(job.report.seconds.restoring || 0).toFixed(1)} s`
      + (warnings ? `, ${warnings} warning${warnings > 1 ? "s" : ""}: look before you keep it` : "") : "done",
    failed: job.error, cancelled: "cancelled" }[job.state];
  const bar = item.querySelector("progress");
  bar.hidden = job.state !== "sent";
  bar.value = job.phase === "writing" ? 1 : job.share;
  bar.setAttribute("aria-label", `Progress of ${job.name}`);
  for (const [kind, verb, isShown] of [["again", "Restore again:", ["failed", "cancelled", "done"].includes(job.state)],
    ["keep", "Save", job.state === "done"], ["end", isOpen(job) ? "Cancel" : "Remove", true]]) {
    const button = item.querySelector(`.${kind}`);
    button.hidden = !isShown;
    button.tabIndex = place;
    button.title = verb.replace(":", "");
    button.setAttribute("aria-label", `${verb} ${job.name}`);
  }
  name.tabIndex = place;
}

$("list").addEventListener("keydown", event => {
  const item = event.target.closest("li");
  if (!item) return;
  const to = { ArrowDown: item.nextElementSibling, ArrowUp: item.previousElementSibling, Home: $("list").firstElementChild,
    End: $("list").lastElementChild }[event.key];
  if (to) {
    choose(to.job);
    to.querySelector(".name").focus();
  } else if (event.key === "Delete") {
    const near = item.nextElementSibling || item.previousElementSibling;
    if (isOpen(item.job)) cancel(item.job); else drop(item.job);
    if (near && !item.isConnected) { choose(near.job); near.querySelector(".name").focus(); }
  } else return;
  event.preventDefault();
});

// Small pictures of the items that are seen, decoded one at a time.

const thumbSide = 112;
const wanted = new Set();
let isDecoding = false;

const seen = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && !target.job.hasThumb) wanted.add(target.job); else wanted.delete(target.job);
  }
  decode();
}, { root: $("list"), rootMargin: "100px" });

async function decode() {
  if (isDecoding) return;
  isDecoding = true;
  while (wanted.size) {
    const job = wanted.values().next().value;
    wanted.delete(job);
    job.hasThumb = true;
    try {
      const bitmap = await createImageBitmap(job.file, { resizeWidth: thumbSide, resizeQuality: "medium" });
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [bitmap.width, Math.min(bitmap.height, 3 * thumbSide)];
      canvas.getContext("2d", { willReadFrequently: true }).drawImage(bitmap, 0, 0);
      bitmap.close();
      const image = job.item.querySelector("img");
      image.src = canvas.toDataURL("image/jpeg", .8);
      image.hidden = false;
    } catch { /* The browser does not know the format; the server may. */ }
  }
  isDecoding = false;
}
