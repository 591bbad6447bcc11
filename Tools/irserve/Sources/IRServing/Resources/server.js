"use strict";
const $ = id => document.getElementById(id);
/** This tab's name at the server and in the browser's storage. */
const page = Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, "0")).join("");

// Asking the server

let token = new URLSearchParams(location.hash.slice(1)).get("token") || sessionStorage.getItem("token") || "";
if (location.hash) history.replaceState(null, "", location.pathname);
$("token").value = token;
$("token").addEventListener("change", () => {
  token = $("token").value;
  sessionStorage.setItem("token", token);
  start();
});

function ask(path, options = {}) {
  const headers = { ...(options.headers || {}) };
  if (token) headers.Authorization = `Bearer ${token}`;
  return fetch(path, { cache: "no-store", ...options, headers });
}

/** Sends a picture. */
function post(path, query, picture, signal) {
  return ask(`${path}?${new URLSearchParams(query)}`, {
    method: "POST", body: picture, signal, headers: { "Content-Type": "application/octet-stream" } });
}

/** The sentence of an answer that is an error. */
async function sentence(answer) {
  try { return (await answer.json()).error || answer.statusText; } catch { return answer.statusText || `error ${answer.status}`; }
}

const reportOf = answer => ({ warnings: [], notes: [], seconds: {}, ...JSON.parse(answer.headers.get("Irkit-Report") || "{}") });

const abouts = {
  restore: "Any photograph: grain, noise, rain, haze, or perhaps nothing wrong.",
  denoise: "Grain and noise; everything else stays.",
  "daair-s5": "Dark photographs, which become much brighter; also noise, rain and haze.",
};

/** The model whose routers say what is wrong with a picture. */
const router = "daair-s5";
let canExplain = false;

async function start() {
  try {
    const answer = await ask("/models");
    $("tokenField").hidden = answer.status !== 401 && !token;
    if (!answer.ok) return say(answer.status === 401 ? "This server asks for a token." : "The server refuses.");
    const before = $("model").value;
    const { models } = await answer.json();
    const names = models.map(model => model.name);
    const tasks = names.filter(name => abouts[name]), others = names.filter(name => !abouts[name]);
    const group = (label, names) => {
      const element = document.createElement("optgroup");
      element.label = label;
      element.append(...names.map(name => new Option(name, name)));
      return element;
    };
    $("model").replaceChildren(...[["For photographs", tasks.sort((a, b) => (b === "restore") - (a === "restore"))], ["All other models", others]]
      .filter(([, list]) => list.length).map(([label, list]) => group(label, list)));
    $("model").value = names.includes(before) ? before : names.includes("restore") ? "restore" : names[0];
    canExplain = names.includes(router);
    describe();
    summarize();
    listen();
    wantPreview();
  } catch { say("The server is not reachable; trying again."); setTimeout(start, 2000); }
}

function describe() {
  $("about").textContent = abouts[$("model").value] || "";
  $("strengthText").textContent = `${Math.round(100 * $("strength").value)} %`;
}

let listening = false;

async function listen() {
  if (listening) return;
  listening = true;
  try {
    const answer = await ask(`/progress/${page}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
      const parts = text.split("\n\n");
      text = parts.pop();
      for (const part of parts) if (part.startsWith("data: ")) hear(JSON.parse(part.slice(6)));
    }
  } catch { /* The server is gone for now. */ }
  listening = false;
  setTimeout(listen, 1500);
}

function hear({ job, state, share }) {
  const found = jobs.get(job);
  if (!found || found.state !== "sent") return;
  found.share = Math.max(found.share, share);
  found.phase = state;
  show(found);
}
