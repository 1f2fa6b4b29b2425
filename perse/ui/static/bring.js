// Files, however they come: chosen, dropped anywhere on the page, or pasted; also of kinds whose type this browser does not know.
(() => {
  const KINDS = { heic: "image/heic", heif: "image/heif", hif: "image/heif", avif: "image/avif" };
  const ending = (file) => file.name.split(".").pop().toLowerCase();
  const inputs = { photo: "#perse-photo input[type=file]", avatar: "input[type=file][accept*=safetensors]" };
  const starting = () => document.body.dataset.view === "photo";
  const known = new WeakSet(); // events that this script sent itself

  // Gradio takes what the browser calls an image, and of a HEIC photo a PC's browser knows no type.
  const typed = (file) => (file.type || !KINDS[ending(file)] ? file : new File([file], file.name, { type: KINDS[ending(file)] }));

  function give(file) {
    const kind = ending(file) === "safetensors" ? "avatar" : "photo";
    const photo = typed(file);
    if (kind === "photo" && !photo.type.startsWith("image/")) return perse.toast("This is not a photo: please choose a picture of a face.");
    const input = document.querySelector(inputs[kind]);
    if (!input) return;
    const held = new DataTransfer();
    held.items.add(photo);
    input.files = held.files;
    const event = new Event("change", { bubbles: true });
    known.add(event);
    input.dispatchEvent(event);
  }

  perse.give = give;

  document.addEventListener("click", (e) => {
    if (!e.target.closest?.("#perse-photo")) return;
    const input = document.querySelector(inputs.photo); // its list of endings is what the file dialog shows
    if (input && !input.accept.includes(".heic")) input.accept = `${input.accept},${Object.keys(KINDS).map((kind) => `.${kind}`).join(",")}`;
  }, true);
  document.addEventListener("change", (e) => {
    if (known.has(e) || !e.target.matches?.(inputs.photo)) return;
    const [file] = e.target.files;
    if (!file || typed(file) === file) return;
    e.stopImmediatePropagation();
    give(file);
  }, true);

  const files = (e) => [...(e.dataTransfer?.types ?? [])].includes("Files");
  const mark = (on) => document.body.classList.toggle("perse-dropping", on);
  document.addEventListener("dragover", (e) => {
    if (!files(e)) return;
    e.preventDefault(); // or the browser would leave the page for the file
    if (starting()) mark(true);
  }, true);
  document.addEventListener("dragleave", (e) => { if (!e.relatedTarget) mark(false); }, true);
  document.addEventListener("drop", (e) => {
    if (!files(e)) return;
    mark(false);
    if (e.target.closest?.("#perse-clip")) return; // Gradio's own
    e.preventDefault();
    e.stopImmediatePropagation();
    const [file] = e.dataTransfer.files;
    if (!file) return;
    if (starting()) give(file);
    else perse.toast("To begin with another photo, press New portrait first.");
  }, true);
  document.addEventListener("paste", (e) => {
    if (!starting() || e.target.matches?.("input, textarea")) return;
    const file = [...(e.clipboardData?.files ?? [])].find((f) => f.type.startsWith("image/"));
    if (!file) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    give(file);
  }, true);
  // A browser that cannot show a photo says so; the face that was found in it is shown beside.
  document.addEventListener("error", (e) => {
    const picture = e.target;
    if (picture.tagName !== "IMG" || !picture.closest("#perse-photo") || picture.dataset.told) return;
    picture.dataset.told = "yes";
    picture.alt = "Your browser cannot show this kind of photo. It is read all the same.";
  }, true);
})();
