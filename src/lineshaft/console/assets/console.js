// What the console does in the browser by itself: theme, keys, links, live patches, ages, the offline banner.
"use strict";
(() => {
  const root = document.documentElement;
  const cookie = (name) => document.cookie.split("; ").find((c) => c.startsWith(name + "="))?.split("=")[1];
  const keep = (name, value) => (document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`);
  const wide = matchMedia("(prefers-color-scheme: dark)");

  // -- theme: decided before the first paint ---------------------------------------------------
  const themes = ["auto", "light", "dark"];
  let theme = themes.includes(cookie("lineshaft_theme")) ? cookie("lineshaft_theme") : "auto";
  function applyTheme() {
    const dark = theme === "dark" || (theme === "auto" && wide.matches);
    root.dataset.theme = dark ? "dark" : "light";
    root.dataset.choice = theme;
    window.Quasar?.Dark?.set(dark);
    window.dispatchEvent(new CustomEvent("lineshaft-theme"));
  }
  applyTheme();
  wide.addEventListener("change", applyTheme);
  function nextTheme() {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    keep("lineshaft_theme", theme);
    applyTheme();
  }

  // -- navigation rail ------------------------------------------------------------------------
  if (cookie("lineshaft_nav") === "slim") root.classList.add("ls-slim");
  const phone = matchMedia("(max-width: 767px)");
  function toggleNavigation() {
    if (phone.matches) return root.classList.toggle("ls-drawer");
    keep("lineshaft_nav", root.classList.toggle("ls-slim") ? "slim" : "full");
  }

  // -- from page to page without loading -----------------------------------------------------------
  let loading;
  let current = location.pathname + location.search;
  function go(address, { replace = false, push = true } = {}) {
    if (!window.did_handshake || root.classList.contains("is-offline")) return (location.href = address);
    current = address;
    if (push) history[replace ? "replaceState" : "pushState"]({}, "", address);
    root.classList.remove("ls-drawer");
    clearTimeout(loading);
    loading = setTimeout(() => root.classList.add("is-loading"), 120);
    emitEvent("lineshaft-go", address);
  }
  function shown() {
    clearTimeout(loading);
    root.classList.remove("is-loading");
    if (lineshaft.moved) {
      window.scrollTo(0, 0);
      document.querySelector("#ls-main h1")?.focus({ preventScroll: true });
    }
    lineshaft.moved = true;
    document.querySelectorAll('.ls-tab[aria-selected="true"]').forEach(reveal);
  }
  /** Tabs that do not fit are scrolled; the chosen one is in view. */
  function reveal(tab) {
    const [bar, middle] = [tab.parentElement, tab.offsetLeft - tab.parentElement.offsetLeft + tab.offsetWidth / 2];
    bar.scrollTo({ left: middle - bar.clientWidth / 2 });
  }
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const tab = event.target.closest(".ls-tab");
    if (tab) reveal(tab);
    const control = event.target.closest("[data-ls]");
    if (control) return { theme: nextTheme, nav: toggleNavigation }[control.dataset.ls]?.();
    if (root.classList.contains("ls-drawer") && !event.target.closest(".ls-nav")) root.classList.remove("ls-drawer");
    const link = event.target.closest("a[href]");
    const href = link?.getAttribute("href");
    if (!href?.startsWith("/") || href.startsWith("//") || link.target || link.hasAttribute("download")) return;
    event.preventDefault();
    if (href !== location.pathname + location.search) go(href);
    else root.classList.remove("ls-drawer");
  });
  addEventListener("popstate", () => {
    const address = location.pathname + location.search;
    if (address !== current) go(address, { push: false });
  });

  // -- keys ---------------------------------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if ((event.key === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !typing)) {
      event.preventDefault();
      const box = document.querySelector(".ls-search input");
      box?.focus();
      box?.select();
    }
    if (event.key === "Escape") root.classList.remove("ls-drawer");
    const tab = event.target.closest?.('[role="tab"]');
    if (tab && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
      const all = [...tab.parentElement.querySelectorAll('[role="tab"]')];
      const at = all.indexOf(tab);
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
      all[(to + all.length) % all.length].focus();
      all[(to + all.length) % all.length].click();
    }
    const bar = event.target.closest?.(".ls-split-bar");
    if (bar && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
      const pane = bar.previousElementSibling;
      setSplit(bar.parentElement, pane.offsetWidth + (event.key === "ArrowLeft" ? -24 : 24));
    }
  });

  // -- the bar between two panes --------------------------------------------------------------------
  function setSplit(box, width) {
    box.style.setProperty("--ls-split", `${Math.min(Math.max(width, 160), box.offsetWidth - 240)}px`);
  }
  document.addEventListener("pointerdown", (event) => {
    const bar = event.target.closest?.(".ls-split-bar");
    if (!bar) return;
    bar.setPointerCapture(event.pointerId);
    const box = bar.parentElement;
    const move = (e) => setSplit(box, e.clientX - box.getBoundingClientRect().left);
    bar.addEventListener("pointermove", move);
    bar.addEventListener("pointerup", () => bar.removeEventListener("pointermove", move), { once: true });
  });

  // -- connection: what is on screen must not look fresh when it is not ---------------------------------
  const clock = () => moment(Date.now(), window.lineshaftZone, "second");
  function offline(yes) {
    if (yes === root.classList.contains("is-offline")) return;
    root.classList.toggle("is-offline", yes);
    const since = document.querySelector(".ls-offline-since");
    if (yes && since) since.textContent = clock();
  }
  const waitForSocket = setInterval(() => {
    if (!window.socket) return;
    clearInterval(waitForSocket);
    window.socket.on("disconnect", () => setTimeout(() => offline(!window.socket.connected), 400));
    window.socket.on("connect", () => offline(false));
    applyTheme();
  }, 50);
  addEventListener("offline", () => offline(true));
  addEventListener("online", () => window.socket?.connected && offline(false));
  document.addEventListener("visibilitychange", () => {
    if (window.did_handshake) emitEvent("lineshaft-hidden", document.hidden);
  });

  // -- numbers and times as the server writes them ----------------------------------------------------
  const words = window.lineshaftWords;
  function decimals(size) {
    if (size === 0 || size >= 1000) return 0;
    if (size >= 1) return size >= 100 ? 1 : 2;
    return size >= 0.01 ? 3 : Math.min(1 - Math.floor(Math.log10(size)), 6);
  }
  function number(value, digits = null) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    let places = digits;
    if (places === null) places = decimals(Math.abs(value));
    return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }).replace("-", "−");
  }
  function ago(millis, now = Date.now()) {
    const seconds = Math.max(0, (now - millis) / 1000);
    if (seconds < 1) return words.now;
    for (const [span, name] of [[86400, words.d], [3600, words.h], [60, words.min], [1, words.s]])
      if (seconds >= span) return words.ago.replace("{span}", `${Math.floor(seconds / span)} ${name}`);
    return words.now;
  }
  const formats = {};
  function moment(millis, zone, parts = "full") {
    const options = {
      full: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
      second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
    }[parts];
    const format = (formats[zone + parts] ??= new Intl.DateTimeFormat("sv-SE", { ...options, timeZone: zone || "UTC", hourCycle: "h23" }));
    return format.format(millis);
  }

  // -- small lines: a path and the normal band behind it ------------------------------------------------
  function course(points, width, height, low, high) {
    const known = points.filter((p) => p !== null);
    if (known.length < 2) return { line: "", band: null };
    let least = Math.min(...known, low ?? Infinity);
    let most = Math.max(...known, high ?? -Infinity);
    if (most === least) [least, most] = [least - 1, most + 1];
    const y = (v) => height - 2 - ((v - least) / (most - least)) * (height - 4);
    let line = "";
    let pen = false;
    points.forEach((p, i) => {
      if (p === null) return (pen = false);
      line += `${pen ? "L" : "M"}${((i / (points.length - 1)) * width).toFixed(1)} ${y(p).toFixed(1)}`;
      pen = true;
    });
    const top = y(high ?? most);
    return { line, band: low === null && high === null ? null : { top, height: Math.max(y(low ?? least) - top, 0) } };
  }

  // -- ages tick here, so that the server need not send them ---------------------------------------------
  const ageing = new Set();
  setInterval(() => {
    if (document.hidden) return;
    const now = Date.now();
    for (const tick of ageing) tick(now);
  }, 1000);

  window.lineshaft = {
    moved: false,
    go,
    shown,
    number,
    ago,
    moment,
    course,
    remember(address) {
      current = address;
      history.replaceState({}, "", address);
    },
    /** Show the beginning of a step of a wizard, and let the keyboard go on from there. */
    step() {
      window.scrollTo(0, 0);
      document.querySelector(".ls-step-now")?.focus({ preventScroll: true });
    },
    /** Bring the first field that is wrong into view. */
    problem() {
      setTimeout(() => {
        const wrong = [...document.querySelectorAll(".ls-problem")].find((p) => p.textContent && (p.offsetParent || p.closest("details:not([open])")));
        wrong?.closest("details")?.setAttribute("open", "");
        const field = wrong?.closest(".ls-field");
        field?.querySelector("input, textarea")?.focus({ preventScroll: true });
        (field ?? wrong)?.scrollIntoView({ block: "center" });
      }, 60);
    },
    leave: (address) => (location.href = address),
    language: (code) => (keep("lineshaft_language", code), location.reload()),
    post(address) {
      const form = Object.assign(document.createElement("form"), { method: "post", action: address });
      document.body.append(form);
      form.submit();
    },
    /** Patch many parts with one message: [[id, changes], …]. */
    live(changes) {
      for (const [id, change] of changes) getElement(id)?.patch?.(change);
    },
    words,
    /** What every live part has in common: a state that is replaced from outside or patched in place. */
    part: {
      props: { state: Object },
      data() {
        return { s: { ...this.state } };
      },
      watch: {
        state(now) {
          this.s = { ...now };
        },
      },
      methods: {
        patch(changes) {
          Object.assign(this.s, changes);
        },
      },
    },
    /** For parts that show how old something is: `age` follows `s.at`. */
    ageing: {
      data: () => ({ age: "" }),
      mounted() {
        this.tick = (now) => {
          const old = this.s.at ? ago(this.s.at, now) : "";
          if (old !== this.age) this.age = old;
        };
        this.tick(Date.now());
        ageing.add(this.tick);
      },
      unmounted() {
        ageing.delete(this.tick);
      },
      watch: {
        "s.at"() {
          this.tick(Date.now());
        },
      },
    },
    ticking: ageing,
  };
})();
