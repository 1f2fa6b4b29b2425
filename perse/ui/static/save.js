// Downloads: made on demand, handed straight to the browser.
(() => {
  const find = (id) => document.getElementById(id);

  // The picture as a file in memory, for the clipboard and for sharing.
  const picture = (size) => perse.later(`save/${perse.token}/picture.png`, { size, background: perse.stage.background }, perse.look.json()).then((a) => a.blob());

  async function copy(size) {
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": picture(size) })]); // a promise: a browser forgets the click while it waits
      perse.toast("The picture is in your clipboard.");
    } catch {
      perse.toast("This browser does not let the page copy a picture: please save it instead.");
    }
  }

  async function share(size) {
    try {
      await navigator.share({ files: [new File([await picture(size)], perse.fileName("picture", "png"), { type: "image/png" })] });
    } catch (error) {
      if (error.name !== "AbortError") perse.toast("This browser did not share the picture: please save it instead.");
    }
  }

  async function fetched(button, kind, query, file) {
    button.disabled = true;
    try {
      const answer = await perse.later(`save/${perse.token}/${kind}`, query, perse.look.json());
      perse.download(await answer.blob(), perse.fileName(...file));
    } catch (error) {
      perse.toast(error.message);
    }
    button.disabled = false;
  }

  // Styles of a look under the categories in which this avatar has them: a look may be older than the catalogue.
  function renewed(look) {
    for (const [former, homes] of Object.entries(perse.settings.split)) {
      for (const [style, amount] of Object.entries(look.styles?.[former] ?? {})) {
        const home = [former, ...homes].find((name) => perse.info.categories[name]?.styles[style]);
        if (!home || home === former) continue;
        delete look.styles[former][style];
        (look.styles[home] ??= {})[style] = amount;
      }
      if (look.styles?.[former] && !Object.keys(look.styles[former]).length) delete look.styles[former];
    }
    return look;
  }

  perse.save = {
    build() {
      const size = () => find("perse-png-size").value;
      const on = (id, act) => { find(id).onclick = (e) => act(e.currentTarget); };
      on("perse-png", (b) => fetched(b, "picture.png", { size: size(), background: perse.stage.background }, ["picture", "png"]));
      on("perse-cutout", (b) => fetched(b, "picture.png", { size: size(), background: "transparent" }, ["cutout", "png"]));
      on("perse-pair", (b) => fetched(b, "pair.png", { size: size(), background: perse.stage.background }, ["before-after", "png"]));
      on("perse-copy", () => copy(size()));
      on("perse-share", () => share(size()));
      find("perse-share").hidden = !navigator.canShare?.({ files: [new File([], "picture.png", { type: "image/png" })] });
      on("perse-ply", (b) => fetched(b, "gaussians.ply", {}, ["gaussians", "ply"]));
      on("perse-glb", (b) => fetched(b, "model.glb", {}, ["model", "glb"]));
      on("perse-html", (b) => fetched(b, "viewer.html", {}, ["3d", "html"]));
      on("perse-avatar", (b) => fetched(b, "avatar.safetensors", {}, ["avatar", "safetensors"]));
      on("perse-look", () => perse.download(new Blob([JSON.stringify(perse.look.value, null, 1)], { type: "application/json" }), perse.fileName("look", "json")));
      find("perse-look-file").onchange = async (e) => {
        const [file] = e.target.files;
        e.target.value = "";
        if (!file) return;
        try {
          if (file.size > perse.settings.longest_look) throw new Error("This file is too long to be a look: choose a JSON file that was saved here.");
          const text = await file.text();
          await perse.later(`frame/${perse.token}`, { size: perse.settings.live_sizes[0] }, text); // the server judges whether it is a look
          perse.look.replace(renewed(JSON.parse(text)));
        } catch (error) {
          perse.toast(error.message);
        }
      };
    },
  };
})();
