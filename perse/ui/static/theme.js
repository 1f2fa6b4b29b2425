// Dark or light, as it was chosen last in this browser; until then as the system has it.
(() => {
  const KEY = "perse-theme";
  const kept = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const apply = () => {
    if (!document.getElementById("perse-theme")) return requestAnimationFrame(apply); // Gradio has not set its own yet
    if (kept()) document.body.classList.toggle("dark", kept() === "dark");
  };
  requestAnimationFrame(apply);
  document.addEventListener("click", (e) => {
    if (!e.target.closest("#perse-theme")) return;
    document.body.classList.toggle("dark");
    try { localStorage.setItem(KEY, document.body.classList.contains("dark") ? "dark" : "light"); } catch { /* then for this visit */ }
  });
})();
