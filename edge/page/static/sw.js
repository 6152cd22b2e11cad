// Keeps what the node showed last, for a phone out of its reach. Fresh from the node first, always; kept only if not.
// Browsers run it on https and on the node itself; over plain http the page works without it.
"use strict";

const KEPT = "fieldeye-1";
const ANSWER_MS = 8000;
const MOVING = ["/live.jpg", "/api/", "/healthz"]; // of these only the newest is worth anything

async function freshOrKept(event) {
  const request = event.request;
  const kept = await caches.open(KEPT);
  const end = new AbortController(); // AbortSignal.timeout is not in phones from before 2022
  const unanswered = setTimeout(() => end.abort(), ANSWER_MS); // begun is as good as there: a slow line takes longer
  try {
    const answer = await fetch(request, { signal: end.signal });
    clearTimeout(unanswered);
    const isForAll = !(answer.headers.get("Cache-Control") || "").includes("no-store");
    if (answer.ok && isForAll) event.waitUntil(kept.put(request, answer.clone()).catch(() => {})); // cut off: the one before stays
    return answer;
  } catch (away) {
    // What a page's script asks for (without destination) is to tell it that the node is away.
    const before = request.destination && (await kept.match(request, { ignoreVary: true }));
    if (before) return before;
    throw away;
  }
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== location.origin) return;
  if (MOVING.some((start) => address.pathname.startsWith(start))) return;
  event.respondWith(freshOrKept(event));
});
