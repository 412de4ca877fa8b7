// The viewers' page: takes a guess, and shows what the stage shows.

"use strict";

const frameworks = [...document.querySelectorAll("[data-guess]")].map((slider) => slider.name);
const guessForm = find("guess");
const sliderOf = (framework) => find(`guess-${framework}`);
const isTouched = (framework) => !sliderOf(framework).classList.contains("untouched");

function toldRatio(ratio) {
  if (ratio > 0.966 && ratio < 1.035) return "the same";
  const digits = ratio.toPrecision(2);
  return ratio > 1 ? `${digits} × as many` : `${digits} ×, fewer`;
}

// Until it is touched a slider has no thumb, which would suggest a guess; from the centre, no change, a fill grows.
function tellGuess(framework) {
  const slider = sliderOf(framework);
  const told = isTouched(framework) ? toldRatio(2 ** Number(slider.value)) : "no guess yet";
  find(`told-${framework}`).textContent = told;
  slider.setAttribute("aria-valuetext", told);
  const at = (100 * (Number(slider.value) - Number(slider.min))) / (Number(slider.max) - Number(slider.min));
  slider.style.setProperty("--from", `${Math.min(50, at)}%`);
  slider.style.setProperty("--to", `${Math.max(50, at)}%`);
}

function touch(framework) {
  sliderOf(framework).classList.remove("untouched");
  tellGuess(framework);
}

function tellOwn() {
  const told = frameworks.filter(isTouched).map((each) => {
    const name = document.querySelector(`label[for="guess-${each}"]`).textContent;
    return `${name} ${toldRatio(2 ** Number(sliderOf(each).value))}`;
  });
  write("[data-own]", told.length ? `Your guess: ${told.join("; ")}.` : "");
}

for (const framework of frameworks) {
  const slider = sliderOf(framework);
  if (slider.dataset.guess) {
    slider.value = Math.log2(Number(slider.dataset.guess));
    slider.classList.remove("untouched");
  }
  slider.addEventListener("input", () => touch(framework));
  slider.addEventListener("pointerdown", () => touch(framework));
  // “No change” is a guess too, and the value is there already.
  slider.addEventListener("keydown", ({ key }) => {
    if ([" ", "Enter", "Home", "End"].includes(key) || key.startsWith("Arrow") || key.startsWith("Page")) touch(framework);
  });
  tellGuess(framework);
}
if (frameworks.every(isTouched)) tellOwn();

guessForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  const missing = frameworks.find((each) => !isTouched(each));
  if (missing) {
    find("guess-said").textContent = `Move each slider first: ${document.querySelector(`label[for="guess-${missing}"]`).textContent} has no guess yet.`;
    sliderOf(missing).focus();
    return;
  }
  const fields = Object.fromEntries(frameworks.map((each) => [each, 2 ** Number(sliderOf(each).value)]));
  const fault = await send("/guess", fields);
  find("guess-said").textContent = fault ?? "Committed. You can change it until the guesses are closed.";
  if (!fault) tellOwn();
});

function forgetGuess() {
  for (const framework of frameworks) {
    sliderOf(framework).value = 0;
    sliderOf(framework).classList.add("untouched");
    tellGuess(framework);
  }
  find("guess-said").textContent = "";
  tellOwn();
}

let before = "";

function showState(state) {
  const { scene } = state.stage;
  const racing = ["starting", "racing", "stopping"].includes(state.phase);
  // Another question for the same class: all guess again.
  if (before === "next" && scene === "join" && state.guesses.count === 0) forgetGuess();
  before = scene;
  document.body.dataset.scene = scene;
  guessForm.querySelector("fieldset").disabled = !state.guesses.open;
  guessForm.hidden = !state.guesses.open;
  const count = state.guesses.count;
  find("guess-count").textContent =
    `${count === 1 ? "1 guess" : `${count} guesses`}. ${state.guesses.open ? "Others’ guesses are shown after the race." : "Guesses are closed."}`;
  find("viewers").textContent = state.viewers === 1 ? "1 watching" : `${state.viewers} watching`;
  find("going").textContent = racing ? `${state.measuring} …` : state.phase === "idle" ? "No race is in progress." : "";
  find("because").textContent = state.stage.because;
  if (state.stage.timeline) find("timeline").href = state.stage.timeline;
  showLineup(state.lineup);
  const progress = find("progress");
  progress.hidden = !racing;
  progress.max = Math.max(1, state.trialsPlanned);
  progress.value = state.trials;
  const message = find("message");
  message.hidden = !state.message;
  message.textContent = state.message;
  find("report-link").hidden = !state.hasReport;
  speak(state);
  if (document.body.dataset.phase !== state.phase) {
    // While the class predicts, what the last race found is folded away.
    find("results").open = state.phase !== "idle";
    find("results-title").textContent = racing ? "So far" : state.phase === "idle" ? "The last race" : "Results";
    document.body.dataset.phase = state.phase;
  }
}

const part = (name) => document.querySelector(`[data-part=${name}]`);

follow({
  state: showState,
  race: (race) => {
    find("results").hidden = !race.html;
    put(find("board"), race.html);
    put(part("race"), race.scene);
  },
  guesses: (guesses) => {
    put(find("reveal"), guesses.html);
    put(part("reveal"), guesses.scene);
  },
}, (isThere) => { find("connection").textContent = isThere ? "Live." : "The connection is lost; trying again …"; });
