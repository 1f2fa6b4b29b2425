// What the browser, or the page that frames this one, does not allow: said in a sentence where it is asked for.
(() => {
  const allowed = (feature) => document.featurePolicy?.allowsFeature(feature) ?? true;
  const OWN_TAB = "Open this page in a tab of its own, or upload a file.";
  const reasons = {
    "Capture from camera": () =>
      !window.isSecureContext || !navigator.mediaDevices ? "The camera needs a secure connection (https)." :
      !allowed("camera") ? `The page around this one does not allow the camera. ${OWN_TAB}` : "",
    "Paste from clipboard": () =>
      !window.isSecureContext || !navigator.clipboard ? "The clipboard needs a secure connection (https)." :
      !allowed("clipboard-read") ? `The page around this one does not allow reading the clipboard. ${OWN_TAB}` : "",
    Fullscreen: () => (document.fullscreenEnabled ? "" : `The page around this one does not allow the full screen. ${OWN_TAB}`),
  };
  document.addEventListener("click", (e) => {
    const button = e.target.closest("button[aria-label]"), reason = button && reasons[perse.language.source(button, "aria-label")]?.();
    if (!reason) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    perse.toast(reason);
  }, true);
})();
