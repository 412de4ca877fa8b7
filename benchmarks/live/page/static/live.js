// The page's only script: it follows the board, and sends guesses and the presenter's commands. The HTML that it inserts
// was rendered and escaped by the server.

"use strict";

const find = (id) => document.getElementById(id);

const frameworks = [...document.querySelectorAll("[data-guess]")].map((slider) => slider.name);

function toldRatio(ratio) {
  if (ratio > 0.966 && ratio < 1.035) return "the same";
  const digits = ratio.toPrecision(2);
  return ratio > 1 ? `${digits} × as many` : `${digits} ×, fewer`;
}

function put(element, html) {
  // The focus and the place on the page stay where they are when nothing changes.
  if (element.dataset.html !== html) {
    element.dataset.html = html;
    element.innerHTML = html;
  }
}

async function send(path, fields) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields ?? {}),
    });
  } catch {
    return "No answer: is the page still being served?";
  }
  return answer.ok ? null : (await answer.text()) || `The server answered ${answer.status}.`;
}

// Guessing

const guessForm = find("guess");

function tellGuess(framework) {
  const slider = find(`guess-${framework}`);
  const told = toldRatio(2 ** Number(slider.value));
  find(`told-${framework}`).textContent = told;
  slider.setAttribute("aria-valuetext", told);
}

for (const framework of frameworks) {
  const slider = find(`guess-${framework}`);
  if (slider.dataset.guess) slider.value = Math.log2(Number(slider.dataset.guess));
  slider.addEventListener("input", () => tellGuess(framework));
  tellGuess(framework);
}

guessForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(frameworks.map((each) => [each, 2 ** Number(find(`guess-${each}`).value)]));
  const fault = await send("/guess", fields);
  find("guess-said").textContent = fault ?? "Committed. You can change it until the race begins.";
});

// Presenting

const startForm = find("start");

if (startForm) {
  const dial = find("wait-dial");
  const wait = startForm.elements.wait_ms;
  dial.addEventListener("input", () => { wait.value = dial.value; });
  wait.addEventListener("input", () => { dial.value = wait.value; });
  const say = (text) => { find("presenter-said").textContent = text ?? ""; };
  startForm.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(await send("/race", {
      contenders: [...startForm.querySelectorAll("[name=contender]:checked")].map((box) => box.value),
      wait_ms: Number(wait.value),
      connections: Number(startForm.elements.connections.value),
      rounds: Number(startForm.elements.rounds.value),
    }));
  });
  find("stop").addEventListener("click", async () => { say(await send("/race/stop")); });
  find("new-guesses").addEventListener("click", async () => { say(await send("/guesses/new")); });
}

// Following

let spoken = "";

function showState(state) {
  const racing = ["starting", "racing", "stopping"].includes(state.phase);
  guessForm.querySelector("fieldset").disabled = !state.guesses.open;
  guessForm.hidden = !state.guesses.open;
  const count = state.guesses.count;
  find("guess-count").textContent =
    `${count === 1 ? "1 guess" : `${count} guesses`}. ${state.guesses.open ? "Others’ guesses are shown after the race." : "Guesses are closed."}`;
  find("viewers").textContent = state.viewers === 1 ? "1 watching" : `${state.viewers} watching`;
  find("going").textContent = racing ? `${state.measuring} …` : state.phase === "idle" ? "No race is in progress." : "";
  const progress = find("progress");
  progress.hidden = !racing;
  progress.max = Math.max(1, state.trialsPlanned);
  progress.value = state.trials;
  const message = find("message");
  message.hidden = !state.message;
  message.textContent = state.message;
  find("report-link").hidden = !state.hasReport;
  if (startForm) {
    find("start-button").disabled = racing;
    find("new-guesses").disabled = racing;
    find("stop").disabled = !racing;
  }
  if (state.spoken !== spoken) {
    spoken = state.spoken;
    find("spoken").textContent = spoken;
  }
  if (document.body.dataset.phase !== state.phase) {
    // While the class predicts, what the last race found is folded away.
    find("results").open = state.phase !== "idle";
    find("results-title").textContent = racing ? "So far" : state.phase === "idle" ? "The last race" : "Results";
    document.body.dataset.phase = state.phase;
  }
}

function follow() {
  const source = new EventSource("/events");
  let isConfirmed = false;
  const on = (name, show) => source.addEventListener(name, (event) => {
    show(JSON.parse(event.data));
    // Once per stream: a viewer who proves that it reads keeps its place, and its guess counts.
    if (!isConfirmed) send("/following", { event: event.lastEventId });
    isConfirmed = true;
  });
  on("state", showState);
  on("race", (race) => {
    find("results").hidden = !race.html;
    put(find("board"), race.html);
  });
  on("guesses", (guesses) => put(find("reveal"), guesses.html));
  source.addEventListener("open", () => {
    isConfirmed = false;
    find("connection").textContent = "Live.";
  });
  source.addEventListener("error", () => {
    find("connection").textContent = "The connection is lost; trying again …";
    if (source.readyState === EventSource.CLOSED) {
      // Not all at the same moment.
      setTimeout(follow, 1000 + 2000 * Math.random());
    }
  });
}

follow();
