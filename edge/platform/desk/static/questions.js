// What is written and not sent yet outlasts another page, another answer and a log-in that ended, in this tab.
"use strict";
for (const form of document.querySelectorAll(".question form")) {
  const { text, label, before } = form.elements;
  const kept = JSON.parse(sessionStorage.getItem(form.action) || "{}");
  if (kept.sent !== undefined && kept.sent !== before.value) {
    sessionStorage.removeItem(form.action); // the question has been answered since
  } else if (!text.value) {
    text.value = kept.text || "";
    label.value = kept.label || "";
  }
  const keep = (sent) => sessionStorage.setItem(form.action, JSON.stringify({ text: text.value, label: label.value, sent }));
  form.addEventListener("input", () => keep());
  form.addEventListener("submit", () => keep(before.value));
}
