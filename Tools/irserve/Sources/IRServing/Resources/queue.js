// Pictures and their restoration. States: ready (not asked for), waiting, sent, done, failed, cancelled.

const jobs = new Map();
let counter = 0, active = 0, chosen = null;
/** Pictures at the server at a time: one is restored while another one is read or written. */
const parallel = 2;

const isOpen = job => job.state === "waiting" || job.state === "sent";

function add(file, path) {
  const job = { id: String(++counter), file, name: path || file.webkitRelativePath || file.name, state: "ready", share: 0, tries: 0 };
  job.item = row(job);
  jobs.set(job.id, job);
  $("list").append(job.item);
  document.body.classList.add("has");
  seen.observe(job.item);
  if ($("auto").checked) queue(job);
  show(job);
  if (!chosen) choose(job);
  later(next);
}

/** The settings that a restoration is asked for by. */
function wish() {
  const query = { model: $("model").value || "restore", strength: $("strength").value };
  if ($("format").value) query.format = $("format").value;
  if ($("gps").checked) query.metadata = "strip-gps";
  return query;
}

const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function queue(job) {
  forget(job);
  Object.assign(job, { state: "waiting", tries: 0, notBefore: 0, error: "", wish: wish() });
  show(job);
  if (chosen === job) choose(job);
}

/** Pictures that the main button restores: those not yet asked for, else those made by other settings. */
function due() {
  const all = [...jobs.values()];
  const ready = all.filter(job => job.state === "ready");
  return ready.length ? ready : all.filter(job => job.state === "done" && !isSame(job.wish, wish()));
}

const pending = new Set();
/** Calls a function once when this turn of events is over. */
function later(body) {
  if (pending.has(body)) return;
  pending.add(body);
  setTimeout(() => { pending.delete(body); body(); });
}

function next() {
  for (const job of jobs.values()) {
    if (active >= parallel) break;
    if (job.state === "waiting" && !(job.notBefore > Date.now())) send(job);
  }
  summarize();
}

async function send(job) {
  Object.assign(job, { state: "sent", phase: "waiting", share: 0, error: "", abort: new AbortController() });
  active += 1;
  show(job);
  try {
    const answer = await post("/restore", { ...job.wish, page, job: job.id }, job.file, job.abort.signal);
    if (answer.ok) {
      const report = reportOf(answer);
      const { blob, crc } = await keep(job.id, answer);
      Object.assign(job, { result: blob, crc, report, state: "done" });
      if (!jobs.has(job.id)) discard(job.id);
    } else if (answer.status === 503) {
      again(job, 1000 * (Number(answer.headers.get("Retry-After")) || 2), "the server is busy");
    } else {
      Object.assign(job, { state: "failed", error: await sentence(answer) });
    }
  } catch (error) {
    if (error.name === "AbortError") job.state = "cancelled";
    else if (error.name === "QuotaExceededError") again(job, 0, "the browser’s storage is full");
    else if (error.name === "NotFoundError" || error.name === "NotReadableError") {
      Object.assign(job, { state: "failed", error: "the file was changed or removed since it was chosen" });
    } else if (job.tries++ < 60) again(job, 2000, "the server is not reachable");
    else Object.assign(job, { state: "failed", error: "the server is not reachable" });
  }
  active -= 1;
  show(job);
  if (chosen === job) choose(job);
  if (![...jobs.values()].some(isOpen)) tell(counts());
  next();
}

function again(job, wait, why) {
  job.state = "waiting";
  job.error = `${why}; trying again`;
  job.notBefore = Date.now() + wait;
  setTimeout(next, wait + 10);
}

function cancel(job) {
  if (job.state === "sent") job.abort.abort();
  else { job.state = "cancelled"; show(job); if (chosen === job) choose(job); }
  later(summarize);
}

function forget(job) {
  freeURLs(job);
  if (job.result) discard(job.id);
  job.result = job.report = null;
}

function drop(job) {
  if (chosen === job) choose(null);
  forget(job);
  seen.unobserve(job.item);
  job.item.remove();
  jobs.delete(job.id);
  if (!jobs.size) document.body.classList.remove("has");
  later(summarize);
}

const say = text => { if ($("summary").textContent !== text) $("summary").textContent = text; };
/** Says something to screen readers. */
const tell = text => { $("news").textContent = text; };

function count() {
  const result = { ready: 0, waiting: 0, sent: 0, done: 0, failed: 0, cancelled: 0 };
  for (const job of jobs.values()) result[job.state] += 1;
  return result;
}

function counts() {
  const { ready, waiting, sent, done, failed, cancelled } = count();
  if (!jobs.size) return "No pictures yet.";
  if (ready === jobs.size) return `${ready} picture${ready > 1 ? "s" : ""} to restore.`;
  const parts = [[waiting + sent, "to do"], [ready, "not asked for"], [failed, "failed"], [cancelled, "cancelled"]];
  return `${done} of ${jobs.size} done${parts.filter(([n]) => n).map(([n, word]) => `, ${n} ${word}`).join("")}.`;
}

function summarize() {
  const { waiting, sent, done, failed, cancelled } = count();
  say(counts());
  const list = due();
  const isAgain = list.length && list[0].state === "done";
  $("restore").disabled = !list.length;
  $("restore").textContent = !list.length ? "Restore" : `Restore ${list.length === 1 ? "1 picture" : `${list.length} pictures`}${isAgain ? " with these settings" : ""}`;
  $("saveAll").disabled = !done;
  // The next step stands out.
  $("restore").classList.toggle("first", list.length && !isAgain || !done);
  $("saveAll").classList.toggle("first", !!done && !(list.length && !isAgain) && !(waiting + sent));
  $("cancelAll").disabled = !(waiting + sent);
  $("retryAll").disabled = !(failed + cancelled);
  $("clear").disabled = !(done + failed + cancelled);
}

$("restore").addEventListener("click", () => {
  const list = due();
  for (const job of list) queue(job);
  tell(`${list.length} pictures are restored.`);
  next();
});
$("cancelAll").addEventListener("click", () => { for (const job of [...jobs.values()].reverse()) if (isOpen(job)) cancel(job); });
$("retryAll").addEventListener("click", () => { for (const job of jobs.values()) if (["failed", "cancelled"].includes(job.state)) queue(job); next(); });
$("clear").addEventListener("click", () => { for (const job of [...jobs.values()]) if (["done", "failed", "cancelled"].includes(job.state)) drop(job); });
window.addEventListener("beforeunload", event => { if ([...jobs.values()].some(isOpen)) event.preventDefault(); });
