// Bars that move evenly and seconds that count down, between what the server says now and what it said before.
(() => {
  const AHEAD = 2; // seconds that a bar goes on without the server's word
  const JUMP = 0.25; // share by which a new estimate must differ from what is shown before the count jumps to it
  const places = new Map(); // name of a piece -> {share, rate, seconds, shown, at, text}
  const now = () => performance.now() / 1000;

  function words(seconds) {
    if (seconds === null) return "";
    if (seconds < 3) return "a few seconds";
    if (seconds < 100) return `about ${Math.round(seconds)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes === 1 ? "about a minute" : `about ${minutes} minutes`;
  }

  // The seconds that are left of an estimate that counts down by itself.
  const count = (clock) => (clock.seconds === null ? null : Math.max(0, clock.seconds - (now() - clock.at)));

  const clock = {
    words,

    // What the server says of the bar in a piece, null if there is none: {share, text, seconds, waiting}.
    told(name, doing) {
      if (!doing) return void places.delete(name);
      const before = places.get(name);
      const same = before && before.waiting > 0 === doing.waiting > 0 && (before.share === null) === (doing.share === null);
      const left = before ? count(before) : null;
      let { seconds } = doing;
      // Small differences are no news: the count goes on, a little faster or slower.
      if (same && seconds !== null && left !== null && Math.abs(seconds - left) < Math.max(2, JUMP * seconds)) seconds = left + 0.1 * (seconds - left);
      const shown = before && doing.share !== null && before.share !== null ? before.shown : doing.share ?? 0;
      places.set(name, { ...doing, seconds, shown, at: now(), rate: doing.share === null || !seconds ? 0 : (1 - doing.share) / seconds, drawn: now() });
      this.draw();
    },

    draw() {
      for (const [name, place] of places) {
        const bar = document.querySelector(`#perse-${name} .perse-bar`);
        if (!bar) continue;
        const time = now();
        const fill = bar.firstElementChild;
        bar.classList.toggle("perse-waiting", place.share === null);
        if (place.share === null) {
          fill.style.width = 0;
          bar.removeAttribute("aria-valuenow");
        } else {
          const to = Math.min(1, place.share + place.rate * Math.min(AHEAD, time - place.at));
          // What comes as a jump is caught up with in half a second; nothing goes back.
          place.shown = Math.max(place.shown, Math.min(to, place.shown + Math.max(place.rate, 2 * (to - place.shown)) * (time - place.drawn)));
          fill.style.width = `${(100 * place.shown).toFixed(2)}%`;
          bar.setAttribute("aria-valuenow", Math.round(100 * place.shown));
        }
        place.drawn = time;
        const left = words(count(place));
        const set = (selector, text) => perse.language.put(document.querySelector(`#perse-${name} ${selector}`), text);
        set(".perse-doing", place.waiting || place.share !== null ? place.text : `${place.text} …`);
        set(".perse-left", !left ? "" : place.waiting ? `your turn in ${left}` : `${left} left`);
      }
    },
  };
  perse.clock = clock;
  const frame = () => { if (places.size) clock.draw(); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
})();
