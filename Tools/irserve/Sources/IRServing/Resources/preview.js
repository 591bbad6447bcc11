// The preview: the middle of what is seen, restored by the settings at hand. A new wish ends the one before.

let trial = null, trialAbort = null, trialTimer = 0;
/** Pixels that take about a second here; measured with each preview. */
let trialArea = 200000;
const trialSeconds = .8, trialDelay = 180;

const isPreviewShown = () => !!(trial && trial.url && chosen === trial.job && wantsPreview());

/** Whether the chosen picture has no result by the settings at hand. */
function wantsPreview() {
  if (!chosen || !isOn("isPreviewing") || isOpen(chosen)) return false;
  const now = wish();
  return !(chosen.result && chosen.wish.model === now.model && chosen.wish.strength === now.strength);
}

function endPreview() {
  if (trialAbort) trialAbort.abort();
  clearTimeout(trialTimer);
  if (trial && trial.url) URL.revokeObjectURL(trial.url);
  trialAbort = trial = null;
  $("preview").removeAttribute("src");
  $("previewState").hidden = true;
  $("findings").hidden = true;
}

/** The part that is restored: what is seen of the picture, in its own pixels, or the middle of that. */
function part() {
  const { naturalWidth: width, naturalHeight: height } = $("before");
  const unit = width / size.width;
  const edge = (offset, length) => Math.min(length, Math.max(0, offset));
  const [x0, x1] = [-look.x, $("view").clientWidth - look.x].map(x => edge(x / look.scale * unit, width));
  const [y0, y1] = [-look.y, $("view").clientHeight - look.y].map(y => edge(y / look.scale * unit, height));
  const shrink = Math.min(1, Math.sqrt(trialArea / Math.max(1, (x1 - x0) * (y1 - y0))));
  const [w, h] = [(x1 - x0) * shrink, (y1 - y0) * shrink].map(side => Math.round(side));
  const left = Math.round((x0 + x1 - w) / 2), top = Math.round((y0 + y1 - h) / 2);
  return { left, top, width: Math.min(w, width - left), height: Math.min(h, height - top) };
}

function wantPreview() {
  clearTimeout(trialTimer);
  if (trialAbort) trialAbort.abort();
  trialAbort = null;
  if (!wantsPreview()) {
    const hadOne = !!trial;
    endPreview();
    if (hadOne) { measureAgain(); remarks(); place(); }
    return;
  }
  // The picture before asks again once it is there.
  if ($("before").hidden) return;
  trialTimer = setTimeout(preview, trialDelay);
}

function measureAgain() { if (chosen && !$("after").hidden && $("after").naturalWidth) measure($("after")); }

async function preview() {
  const job = chosen, settings = wish();
  if (!wantsPreview() || $("before").hidden) return;
  if (size.width !== $("before").naturalWidth) { measure($("before")); place(); }
  const crop = part();
  if (crop.width < 8 || crop.height < 8) return state(isPreviewShown() ? trial.text : "");
  const key = JSON.stringify([crop, settings.model, settings.strength]);
  if (trial && trial.job === job && trial.key === key) return state(trial.text);
  const abort = trialAbort = new AbortController();
  state(active ? "The preview waits for the picture that is restored…" : "Preview…");
  try {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [crop.width, crop.height];
    canvas.getContext("2d", { willReadFrequently: true }).drawImage($("before"), crop.left, crop.top, crop.width, crop.height, 0, 0, crop.width, crop.height);
    const picture = await new Promise(yes => canvas.toBlob(yes, "image/png"));
    const begin = performance.now();
    const answer = await post("/restore", { model: settings.model, strength: settings.strength, format: "png" }, picture, abort.signal);
    if (abort.signal.aborted) return;
    if (answer.status === 503) { trialTimer = setTimeout(preview, 1500); return; }
    if (!answer.ok) {
      const why = await sentence(answer);
      if (!abort.signal.aborted) state(`No preview: ${why}`);
      return;
    }
    const report = reportOf(answer);
    const blob = await answer.blob();
    if (abort.signal.aborted) return;
    const url = URL.createObjectURL(blob);
    const image = $("preview");
    image.src = url;
    const old = trial;
    const isPart = crop.width * crop.height < size.width * size.height;
    const text = `Preview of ${isPart ? "this part" : "the picture"}: ${settings.model}, ${Math.round(100 * settings.strength)} %`;
    trial = { ...crop, key, job, url, report, text };
    if (old && old.url) URL.revokeObjectURL(old.url);
    await image.decode();
    if (!trial || trial.url !== url) return;
    const seconds = (performance.now() - begin) / 1000;
    // The first one loads the model. A small part says nothing of how large one may be.
    const pixels = crop.width * crop.height, isSlow = seconds > trialSeconds;
    if (!active && old && (isSlow || pixels > .8 * trialArea))
      trialArea = Math.min(2e6, Math.max(5e4, trialArea * .6, Math.min(trialArea * 1.5, pixels * trialSeconds / seconds)));
    [image.width, image.height] = [crop.width, crop.height];
    [image.style.left, image.style.top] = [`${crop.left}px`, `${crop.top}px`];
    state(trial.text);
    place();
    remarks();
    await explain(job, picture, crop, abort.signal);
  } catch (error) {
    if (error.name !== "AbortError" && trialAbort === abort) state("No preview: the server is not reachable.");
  }
}

function state(text) {
  $("previewState").textContent = text;
  $("previewState").hidden = !text;
}

/** Shows what the routers find wrong with a part of the picture. */
async function explain(job, picture, crop, signal) {
  if (!canExplain) return;
  const key = JSON.stringify(crop);
  if (!job.findings || job.findings.key !== key) {
    const answer = await post("/explain", { model: router }, picture, signal);
    if (!answer.ok) return;
    job.findings = { key, ...(await answer.json()) };
  }
  if (signal.aborted || chosen !== job) return;
  const title = document.createElement("dt");
  title.textContent = "Seen in this part:";
  title.title = `The mean opinion of the ${job.findings.routers} routers of ${job.findings.model}`;
  const list = job.findings.findings.filter(({ share }, index) => share >= .05 || index === 0).slice(0, 4).map(({ task, share }) => {
    const value = document.createElement("dd");
    const meter = document.createElement("meter");
    meter.value = share;
    meter.setAttribute("aria-label", task);
    value.append(meter, `${task} ${Math.round(100 * share)} %`);
    return value;
  });
  $("findings").replaceChildren(title, ...list);
  $("findings").hidden = false;
  remarks();
}

for (const id of ["model", "strength"]) $(id).addEventListener("input", () => { describe(); summarize(); place(); wantPreview(); });
for (const id of ["format", "gps"]) $(id).addEventListener("change", summarize);
$("isPreviewing").addEventListener("click", () => { press("isPreviewing", !isOn("isPreviewing")); place(); wantPreview(); });
