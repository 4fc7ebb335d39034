// The ticket shop in the browser. Paths such as /events/12 exist here only: the edge answers them with index.html.
const API = "/api/v1";
const page = document.querySelector("#page");
const notice = document.querySelector("#notice");
const token = () => sessionStorage.getItem("token");

class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    Object.assign(this, { status, code });
  }
}

async function api(method, path, body, headers = {}) {
  const sent = { ...headers };
  if (token()) sent.Authorization = `Bearer ${token()}`;
  if (body) sent["Content-Type"] = "application/json";
  const answer = await fetch(API + path, { method, headers: sent, body: body && JSON.stringify(body) });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, data.error, data.detail || `the shop answered ${answer.status}`);
  return data;
}

// Text goes in as text only, so that nothing that the API sends can become markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.map((child) => child ?? ""));
  return element;
}

function say(text, wrong = false) {
  notice.textContent = text;
  notice.className = wrong ? "wrong" : "";
  notice.hidden = !text;
}

// A button that works once at a time, and says what went wrong.
function action(label, work) {
  const button = make("button", { type: "button" }, label);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await work();
    } catch (problem) {
      if (problem.status === 401) go("/login");
      say(problem.message, true);
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

const won = new Intl.NumberFormat(undefined, { style: "currency", currency: "KRW" });
const day = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
const table = (titles, rows) =>
  make("table", {},
    make("thead", {}, make("tr", {}, ...titles.map((title) => make("th", { scope: "col" }, title)))),
    make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))))));
const link = (path, text) => make("a", { href: path, "data-route": true }, text);
const once = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

async function events() {
  const { events: rows } = await api("GET", "/events?on_sale=true&limit=50");
  return [
    make("h1", {}, "On sale"),
    rows.length
      ? table(["Event", "When", "Where", "From"], rows.map((row) => [
          link(`/events/${row.id}`, row.title), day(row.starts_at), `${row.venue}, ${row.city}`,
          row.price_from === null ? "" : won.format(row.price_from)]))
      : make("p", {}, "Nothing is on sale now."),
  ];
}

async function event(id) {
  const [row, { free }] = await Promise.all([api("GET", `/events/${id}`), api("GET", `/events/${id}/seats?limit=100`)]);
  return [
    make("h1", {}, row.title),
    make("p", {}, `${day(row.starts_at)}, ${row.venue}, ${row.city}`),
    free.length
      ? table(["Section", "Row", "Seat", "Price", ""], free.map((seat) => [
          seat.section, seat.row, String(seat.number), won.format(seat.price), action("Hold", () => hold(row, seat))]))
      : make("p", {}, "No seat is free."),
  ];
}

// Events with a queue give a pass when it is one's turn.
async function pass(row) {
  if (!row.queue_required) return {};
  for (let turn = await api("POST", `/queue/${row.id}`); ; turn = await api("GET", `/queue/${row.id}`)) {
    if (turn.state === "admitted") return { "Queue-Pass": turn.pass };
    say(`Place ${turn.position} in the queue, about ${turn.about_seconds} seconds.`);
    await sleep(Math.min(Math.max(turn.about_seconds, 1), 10));
  }
}

async function hold(row, seat) {
  if (!token()) return go("/login");
  const headers = { "Idempotency-Key": once(), ...(await pass(row)) };
  const held = await api("POST", "/reservations", { event_id: row.id, seat_id: seat.id }, headers);
  go(`/reservations/${held.id}`);
  say("The seat is yours until it is paid or its time is over.");
}

async function reservation(id) {
  const row = await api("GET", `/reservations/${id}`);
  const key = once();
  const pay = action("Pay", async () => {
    const paid = await api("POST", "/payments", { reservation_id: row.id }, { "Idempotency-Key": key });
    await show();
    say(`Paid: ${won.format(paid.amount)}, receipt ${paid.receipt_no ?? paid.id}.`);
  });
  return [
    make("h1", {}, `Reservation ${row.id}`),
    make("p", {}, `${row.status}, ${won.format(row.price)}${row.expires_at ? `, held until ${day(row.expires_at)}` : ""}`),
    row.status === "pending" ? pay : "",
  ];
}

async function login() {
  const email = make("input", { type: "email", autocomplete: "username", required: true });
  const phrase = make("input", { type: "password", autocomplete: "current-password", minlength: "10", required: true });
  const enter = async () => {
    const session = await api("POST", "/auth/login", { email: email.value, password: phrase.value });
    sessionStorage.setItem("token", session.token);
    go("/");
  };
  const register = async () => {
    const [display_name] = email.value.split("@");
    await api("POST", "/auth/register", { email: email.value, display_name, password: phrase.value });
    await enter();
  };
  return [
    make("h1", {}, "Log in"),
    make("form", { onsubmit: (submitted) => submitted.preventDefault() },
      make("label", {}, "E-mail", email), make("label", {}, "Password", phrase),
      make("span", {}, action("Log in", enter), " ", action("New account", register))),
  ];
}

const routes = [
  [/^\/$/, events], [/^\/events\/(\d+)$/, event], [/^\/reservations\/(\d+)$/, reservation], [/^\/login$/, login],
];

async function show() {
  say("");
  const [view, found] = routes.map(([pattern, made]) => [made, pattern.exec(location.pathname)]).find(([, match]) => match) ?? [];
  document.querySelector("#who").replaceChildren(
    token() ? action("Log out", () => { sessionStorage.removeItem("token"); go("/"); }) : link("/login", "Log in"));
  try {
    page.replaceChildren(...(view ? await view(...found.slice(1)) : [make("h1", {}, "There is no such page")]));
  } catch (problem) {
    page.replaceChildren(make("p", {}, "This cannot be shown."), action("Try again", show));
    say(problem.message, true);
  }
}

function go(path) {
  history.pushState(null, "", path);
  return show();
}

addEventListener("popstate", show);
addEventListener("click", (clicked) => {
  const target = clicked.target.closest?.("a[data-route]");
  if (!target || clicked.ctrlKey || clicked.metaKey || clicked.shiftKey || clicked.button !== 0) return;
  clicked.preventDefault();
  go(target.getAttribute("href"));
});
show();
