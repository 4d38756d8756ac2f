// What a page cannot do by itself: the reader's time zone, copying, moving the focus, asking before leaving, live rows.
"use strict";

document.documentElement.dataset.scripted = "";

const say = (text) => {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  setTimeout(() => { announcer.textContent = text; }, 50);
};

// Times are written by the server in the zone that this cookie names; the first page is loaded again with it.
const keepZone = () => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = document.cookie.split("; ").find((each) => each.startsWith("keyfold-zone="));
  if (!zone || known === `keyfold-zone=${zone}`) return;
  const where = window === window.top ? "SameSite=Lax" : "SameSite=None; Partitioned";
  document.cookie = `keyfold-zone=${zone}; Path=/; Max-Age=31536000; Secure; ${where}`;
  const isKept = document.cookie.includes(`keyfold-zone=${zone}`);
  if (isKept && document.querySelector("time") && !document.querySelector("[data-once]")) location.reload();
};

const copy = async (button) => {
  const from = document.getElementById(button.dataset.copy);
  const text = from.value ?? from.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = button.dataset.done;
    say(button.dataset.done);
  } catch {
    from.focus();
    if (from.select) from.select();
    say(button.dataset.failed);
    button.textContent = button.dataset.failed;
  }
};

// A form whose checkbox says `data-submit` is sent when that is turned; one that was sent is not sent twice.
const sent = new WeakSet();

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  if (sent.has(event.target)) { event.preventDefault(); return; }
  if (!event.target.matches("[data-hx], [method=get]")) {
    sent.add(event.target);
    setTimeout(() => sent.delete(event.target), 10000);
  }
  leaving = event.target.closest("main") !== null;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// A page that shows what cannot be had again asks before it is left, until it was said to be stored.
let leaving = false;

window.addEventListener("beforeunload", (event) => {
  if (!leaving && document.querySelector("[data-once]")) event.preventDefault();
});

// What cannot be had again is not there for whoever comes back to the page either.
window.addEventListener("pagehide", () => {
  if (document.querySelector("[data-once]")) document.getElementById("main").remove();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted && !document.getElementById("main")) location.reload();
});

// The focus goes to where the news is.
const focusNews = (within) => {
  const news = within.querySelector("[data-focus]");
  if (!news) return;
  news.focus();
  if (news.select && news.readOnly) news.select();
};

document.addEventListener("htmx:afterSwap", (event) => focusNews(event.target));
document.addEventListener("htmx:sendError", () => say("The page could not be reached."));

// Rows that arrive while one looks; the server sends each as it is written in the table.
const live = (button) => {
  const rows = document.getElementById(button.getAttribute("aria-controls"));
  let source = null;
  const stop = () => { source.close(); source = null; };
  button.hidden = false;
  button.addEventListener("click", () => {
    if (source) stop();
    else {
      source = new EventSource(button.dataset.live);
      source.addEventListener("row", (event) => {
        const made = document.createElement("template");
        made.innerHTML = event.data;
        rows.prepend(made.content);
        while (rows.children.length > 200) rows.lastElementChild.remove();
      });
    }
    button.setAttribute("aria-pressed", String(source !== null));
    button.textContent = source ? button.dataset.on : button.dataset.off;
    say(source ? button.dataset.onSaid : button.dataset.offSaid);
  });
};

keepZone();
focusNews(document);
document.querySelectorAll("[data-live]").forEach(live);
