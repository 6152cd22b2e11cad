// What is written and not sent yet outlasts another page, another answer and a log-in that ended, in this tab, for its writer.
"use strict";
for (const form of document.querySelectorAll(".question form[data-who]")) {
  const { text, label, before } = form.elements;
  const name = `${form.dataset.who} ${form.action}`;
  const kept = JSON.parse(sessionStorage.getItem(name) || "{}");
  const keep = () => sessionStorage.setItem(name, JSON.stringify({ text: text.value, label: label.value, before: before.value }));
  if (text.defaultValue) {
    keep(); // refused, beside the answer that was not seen before
  } else if (text.value && text.value !== kept.text) {
    keep(); // written before a slow line had brought this script
  } else if (kept.text && kept.text.trim() === form.dataset.answer) {
    sessionStorage.removeItem(name); // it was sent
  } else if (kept.text || kept.label) {
    [text.value, label.value, before.value] = [kept.text, kept.label, kept.before];
  }
  form.addEventListener("input", keep);
}
