// How videos are made, as it was chosen last in this browser: size, format, frames a second. Nothing of a person.
(() => {
  const KEY = "perse-film";
  perse.chosen = {
    // now: what the page offers first, in this order; gives what was kept and is still offered in place of it.
    over(now) {
      let kept = [];
      try { kept = JSON.parse(localStorage.getItem(KEY)) ?? []; } catch { /* then as the page has it */ }
      return now.map((first, i) => (perse.settings.film[i].includes(kept[i]) ? kept[i] : first));
    },
    keep(now) {
      try { localStorage.setItem(KEY, JSON.stringify(now)); } catch { /* then for this visit */ }
    },
  };
})();
