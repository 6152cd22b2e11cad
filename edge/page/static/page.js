// Keeps an open page fresh and the live picture moving. Reading works without it.
"use strict";

const HIDDEN_WAIT_MS = 1000;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// A dead line is told after seconds; a slow one may take longer over the whole. AbortSignal.timeout is not in phones from before 2022.
const ANSWER_MS = 8000, WHOLE_MS = 60000; // a live picture of 71 kB takes 12 s at 50 kbit/s
async function ask(address, options) {
  const end = new AbortController();
  const unanswered = setTimeout(() => end.abort(), ANSWER_MS);
  setTimeout(() => end.abort(), WHOLE_MS);
  const answer = await fetch(address, { ...options, signal: end.signal });
  clearTimeout(unanswered);
  return answer;
}

// A second tap on a form that is on its way would send it twice, and take the first answer away.
const TWO_TAPS_MS = 10000, UPLOAD_MS = 120000; // a photograph takes long over a weak line
let sentMs = new WeakMap(); // by form
addEventListener("submit", (event) => {
  const onItsWayMs = event.target.enctype === "multipart/form-data" ? UPLOAD_MS : TWO_TAPS_MS;
  if (!(event.timeStamp - sentMs.get(event.target) < onItsWayMs)) {
    sentMs.set(event.target, event.timeStamp);
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
addEventListener("pagehide", () => { sentMs = new WeakMap(); }); // whoever comes back may send again

async function whileShown(ms) {
  await pause(ms);
  while (document.hidden) await pause(HIDDEN_WAIT_MS);
}

// Says that the node is out of reach, with its own time of what is shown: the phone's clock may differ.
function sayAway() {
  say(`${document.body.dataset.away} ${document.body.dataset.shown}`);
}

function say(words) {
  const line = document.getElementById("away");
  if (line.textContent !== words) line.textContent = words; // a screen reader speaks what is written
  line.hidden = !words;
}

// What the node says, well or not. The Wi-Fi's own page or a proxy's in its place is a lost connection.
async function nodesWords(answer) {
  const html = await answer.text();
  if (!html.includes(" data-away=")) throw new Error("this is not the node");
  return html;
}

// The controls of a page's content, each by what it does: of two warnings, "Done" of the one is not that of the other.
function controlsOf(content) {
  const named = new Map();
  for (const one of content.querySelectorAll("a, button, summary, [tabindex]")) {
    const sent = one.form ? [one.form.getAttribute("action"), new URLSearchParams(new FormData(one.form))] : [];
    let name = [one.tagName, one.closest("[id]").id, one.getAttribute("href"), ...sent].join(" ");
    while (named.has(name)) name += " again";
    named.set(name, one);
  }
  return named;
}

// Changes only what is new: a screen reader and a selection keep their place in the rest. Another link or form is another
// element, so that none becomes another's under a finger.
function become(shown, next) {
  if (shown.isEqualNode(next)) return;
  const before = [...shown.childNodes], after = [...next.childNodes];
  const isSame = shown.nodeName !== "FORM" && shown.cloneNode().isEqualNode(next.cloneNode());
  if (isSame && before.length === after.length) before.forEach((part, n) => become(part, after[n]));
  else shown.replaceWith(next);
}

// Takes the new content of the same page, and leaves open what the reader has opened, where a wide table stands, and the focus.
function replaceMain(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const open = new Set([...document.querySelectorAll("details[open]")].map((part) => part.id));
  for (const part of fresh.querySelectorAll("details")) part.open = open.has(part.id);
  const wide = document.querySelector(".scroll"), across = wide ? wide.scrollLeft : 0;
  const shown = document.getElementById("main");
  const [held] = [...controlsOf(shown)].find(([, control]) => control === document.activeElement) || [];
  document.title = fresh.title;
  document.body.dataset.shown = fresh.body.dataset.shown;
  become(shown, fresh.getElementById("main"));
  const table = document.querySelector(".scroll");
  if (table) table.scrollLeft = across;
  const again = controlsOf(document.getElementById("main")).get(held);
  if (again) again.focus({ preventScroll: true });
}

// By this name `waiting.js` knows that this script runs.
async function keepFresh(everyS) {
  const address = new URL(location.href);
  address.searchParams.delete("lang"); // is remembered, and may have been chosen anew on another page
  for (;;) {
    await whileShown(everyS * 1000);
    try {
      const answer = await ask(address);
      const html = await nodesWords(answer);
      if (answer.ok && !html.includes(" data-refresh-s=")) return location.reload(); // what was waited for is there
      replaceMain(html);
      say("");
    } catch {
      sayAway();
    }
  }
}

// A phone's photograph made smaller before it is sent: seconds instead of half a minute, and no place goes with it.
async function sendSmall(form, input) {
  const longest = Number(form.dataset.longestPx);
  try {
    const photo = await createImageBitmap(input.files[0]);
    const scale = Math.min(1, longest / Math.max(photo.width, photo.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(photo.width * scale);
    canvas.height = Math.round(photo.height * scale);
    canvas.getContext("2d").drawImage(photo, 0, 0, canvas.width, canvas.height);
    const small = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.88));
    const files = new DataTransfer();
    files.items.add(new File([small], "photo.jpg", { type: "image/jpeg" }));
    input.files = files.files;
  } catch {
    // it goes as it is, and the node says what is wrong with it
  }
  form.submit();
}

// The light of the picture that was just shown.
function showLight(headers) {
  const lights = [...document.querySelectorAll("[data-light]")];
  for (const light of lights) light.hidden = light.dataset.light !== headers.get("Picture-Light");
  if (lights.every((light) => light.hidden)) location.reload(); // the camera went or came back, and the page says so
}

// Its sharpness against the best so far.
function showSharpness(headers, best) {
  const sharpness = Number(headers.get("Picture-Sharpness"));
  const shown = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
  document.getElementById("sharpness").textContent = shown.format(sharpness);
  const top = Math.max(best, sharpness);
  const meter = document.getElementById("sharpness-meter");
  meter.value = top ? sharpness / top : 0;
  const words = document.getElementById("sharpness-best");
  words.textContent = words.dataset.words.replace("{best}", shown.format(top));
  meter.hidden = words.hidden = false;
  return top;
}

// One picture after another, never two at once, none while nobody looks.
async function keepMoving(image) {
  const cost = document.getElementById("live-cost"); // and its sharpness: for the technician
  const age = document.getElementById("live-age");
  const ago = Intl.RelativeTimeFormat // not in iPhones from before 2020
    ? new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" })
    : { format: (past, unit) => `${-past} ${unit === "second" ? "s" : "min"}` };
  let best = 0;
  for (let shown = 1; ; shown += 1) {
    await whileShown(500); // the node makes none sooner
    try {
      const answer = await ask("/live.jpg", { cache: "no-store" });
      const begunMs = performance.now();
      if (!answer.headers.has("Picture-Age-S")) {
        await nodesWords(answer);
        return location.reload(); // the page says why there is no picture
      }
      const picture = await answer.blob();
      const before = image.src;
      image.src = URL.createObjectURL(picture);
      if (before.startsWith("blob:")) URL.revokeObjectURL(before);
      if (cost) cost.textContent = cost.dataset.words.replace("{kb}", Math.round(picture.size / 1000)).replace("{n}", shown);
      const ageS = Number(answer.headers.get("Picture-Age-S")) + Math.round((performance.now() - begunMs) / 1000);
      const passed = ageS < 120 ? ago.format(-ageS, "second") : ago.format(-Math.round(ageS / 60), "minute");
      age.textContent = age.dataset.words.replace("{ago}", passed);
      document.getElementById("live-seen").textContent = decodeURIComponent(answer.headers.get("Picture-Seen"));
      showLight(answer.headers);
      if (cost) best = showSharpness(answer.headers, best);
      say("");
    } catch {
      sayAway();
      await pause(3000);
    }
  }
}

// A page that was kept by the worker looks like a fresh one until the node is asked.
async function askNode() {
  try {
    await ask("/static/icon.svg", { method: "HEAD", cache: "no-store" });
  } catch {
    sayAway();
  }
}

// What the phone knows and the node does not: the time zone, and the place where the browser may tell it.
const fromPhone = {
  zone: async () => [Intl.DateTimeFormat().resolvedOptions().timeZone],
  place: async () => {
    const { coords } = await new Promise((done, not) => navigator.geolocation.getCurrentPosition(done, not, { enableHighAccuracy: true, timeout: 30000 }));
    return [coords.latitude.toFixed(5), coords.longitude.toFixed(5)];
  },
};
const tellsPlace = window.isSecureContext && Boolean(navigator.geolocation);
for (const part of document.querySelectorAll("[data-phone]")) {
  part.hidden = part.dataset.phone === "place" && !tellsPlace;
  part.querySelector("button").addEventListener("click", async () => {
    const values = await fromPhone[part.dataset.phone]().catch(() => []);
    for (const [n, name] of part.dataset.into.split(" ").entries()) if (values[n]) document.getElementById(name).value = values[n];
  });
}
for (const words of document.querySelectorAll("[data-no-place]")) words.hidden = tellsPlace;

for (const part of document.querySelectorAll("[data-scripted]")) part.hidden = false; // what no page can tell or do without its script
for (const time of document.querySelectorAll("[data-phone-time]")) {
  const shown = new Intl.DateTimeFormat(document.documentElement.lang, { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
  const tell = () => { time.textContent = shown.format(new Date()); };
  tell();
  setInterval(tell, 1000);
}
for (const typed of document.querySelectorAll("[data-typed]")) typed.hidden = true; // a phone whose script runs sends its own time
for (const field of document.querySelectorAll("[data-phone-ms]")) field.form.addEventListener("submit", () => { field.value = String(Date.now()); });

// The region by finger: the text beside the picture stays the truth, and works without scripts.
function drawRegion(svg, text) {
  const shapes = svg.querySelectorAll("polygon"), reach = 6;
  let held = -1;
  const lines = () => text.value.replace(/;/g, "\n").replace(/,/g, ".").split("\n"); // as the node reads them
  const read = () => lines().map((line) => line.trim().split(/\s+/).map(Number)).filter((corner) => corner.length === 2 && corner.every(Number.isFinite));
  const show = () => { for (const shape of shapes) shape.setAttribute("points", read().map((corner) => corner.join(",")).join(" ")); };
  const write = (corners) => { text.value = corners.map((corner) => corner.map((v) => v.toFixed(1)).join(" ")).join("\n"); show(); };
  const far = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);
  // Where a new corner stretches the line least: between the two corners of the nearest edge.
  const nearestEdge = (corners, at) => {
    if (corners.length < 3) return corners.length;
    const detours = corners.map((corner, n) => { const next = corners[(n + 1) % corners.length]; return far(corner, at) + far(at, next) - far(corner, next); });
    return detours.indexOf(Math.min(...detours)) + 1;
  };
  const place = (event) => {
    const seen = svg.getBoundingClientRect();
    return [(event.clientX - seen.left) / seen.width, (event.clientY - seen.top) / seen.height].map((v) => Math.min(100, Math.max(0, v * 100)));
  };
  svg.addEventListener("pointerdown", (event) => {
    let corners = read();
    const at = place(event);
    held = corners.findIndex((corner) => far(corner, at) < reach);
    if (held < 0) {
      if (corners.length === 4 && corners.every((corner) => corner.every((v) => v === 0 || v === 100))) corners = []; // the whole picture
      held = nearestEdge(corners, at);
      corners.splice(held, 0, at);
    }
    write(corners);
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    if (held < 0) return;
    const corners = read();
    corners[held] = place(event);
    write(corners);
  });
  svg.addEventListener("pointerup", () => { held = -1; });
  text.addEventListener("input", show);
  document.getElementById("region-again").addEventListener("click", () => write([]));
  for (const id of ["by-finger", "region-tools"]) document.getElementById(id).hidden = false;
}
const region = document.getElementById("draw-region");
if (region && window.PointerEvent) drawRegion(region, document.getElementById("corners"));

if (navigator.serviceWorker) {
  navigator.serviceWorker.register("/sw.js");
  if (navigator.serviceWorker.controller) askNode();
}
const main = document.getElementById("main");
if (main.dataset.refreshS) keepFresh(Number(main.dataset.refreshS));
const photoForm = document.getElementById("photo-form");
if (photoForm) photoForm.elements.photo.addEventListener("change", () => sentMs.delete(photoForm)); // another one, or chosen anew
// An engine that does not turn a photograph as its EXIF says would send it lying on its side.
if (photoForm && CSS.supports("image-orientation", "from-image")) {
  const { photo } = photoForm.elements;
  photoForm.addEventListener("submit", (event) => {
    if (photo.files[0].type === "image/webp") return; // Chromium turns none as its EXIF says, and the node does
    event.preventDefault();
    sendSmall(photoForm, photo);
  });
}
const live = document.getElementById("live");
if (live) keepMoving(live);
