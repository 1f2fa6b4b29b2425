// "Keep on this device": a visitor's own avatar file in this browser, if asked for, and back to the server as any file that is opened.
(() => {
  const { h } = perse;
  const find = (id) => document.getElementById(id);

  // One avatar in the browser's own database; `act` gets its place. Rejects where the browser keeps nothing, or has no room.
  function stored(mode, act) {
    return new Promise((done, fail) => {
      const asked = indexedDB.open("perse", 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("kept");
      asked.onerror = () => fail(asked.error);
      asked.onsuccess = () => {
        const base = asked.result, change = base.transaction("kept", mode), wish = act(change.objectStore("kept"));
        change.oncomplete = () => { base.close(); done(wish.result); };
        change.onerror = change.onabort = () => { base.close(); fail(change.error); };
      };
    });
  }

  const keep = {
    coming: null, // what was given back to the server just now

    read: () => stored("readonly", (place) => place.get("avatar")),
    write: (kept) => stored("readwrite", (place) => place.put(kept, "avatar")),
    forget: () => stored("readwrite", (place) => place.delete("avatar")),

    build() {
      const box = find("perse-keep-here"), { token } = perse, { coming } = this;
      this.coming = null;
      box.checked = false;
      box.onchange = () => this.change(box);
      (async () => {
        if (coming && coming.gaussians === perse.info.gaussians) await this.write({ ...coming, token }); // it is back, under another name
        const kept = await this.read();
        if (token === perse.token) box.checked = kept?.token === token;
      })().catch(() => {});
    },

    async change(box) {
      const { token } = perse, note = find("perse-keep-note");
      box.disabled = true;
      try {
        if (box.checked) {
          note.textContent = "Keeping it …";
          const file = await (await perse.later(`save/${token}/avatar.safetensors`, {}, perse.look.json())).blob();
          const url = await perse.thumbs.strip([{ zoom: 1.15 }]), picture = url && (await (await fetch(url)).blob());
          if (url) URL.revokeObjectURL(url);
          await this.write({ token, file, picture, name: perse.info.name, gaussians: perse.info.gaussians, since: Date.now() });
          note.textContent = `Kept in this browser, ${Math.round(file.size / 1e6)} MB.`;
        } else {
          await this.forget();
          note.textContent = "Nothing is kept.";
        }
      } catch (error) {
        box.checked = !box.checked;
        note.textContent = "";
        perse.toast(error instanceof DOMException || !error.message ? "This browser has no room for it, or keeps nothing for this page: please save the avatar file." : error.message);
      }
      box.disabled = false;
      this.offer();
    },

    // On the start page: what is kept, to be opened or forgotten.
    async offer() {
      const place = find("perse-kept");
      if (!place) return;
      let kept = null;
      try { kept = await this.read(); } catch { /* then there is nothing */ }
      if (!(kept?.file instanceof Blob)) return place.replaceChildren();
      const picture = kept.picture instanceof Blob ? URL.createObjectURL(kept.picture) : "";
      const open = h("button", { type: "button", class: "perse-example", id: "perse-open-kept" },
        ...(picture ? [h("img", { src: picture, alt: "", width: 72, height: 72 })] : []),
        h("span", {}, h("b", {}, "Your avatar"), h("small", {}, `Kept on this device since ${new Date(kept.since).toLocaleDateString()}`)));
      open.onclick = () => {
        this.coming = kept;
        perse.give(new File([kept.file], `${kept.name}.safetensors`));
      };
      const forget = h("button", { type: "button", class: "perse-button perse-small", onclick: async () => { await this.forget().catch(() => {}); this.offer(); } }, "Forget it");
      place.replaceChildren(open, forget);
    },
  };
  perse.keep = keep;
})();
