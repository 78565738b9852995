# mclust's compiled EM, on one thread. A share of the rows, for it takes long; its answer is a row's.
# An iteration is a share of what a longer run takes beyond a run of one.
suppressMessages(library(mclust))

CELLS <- 1e6 # rows x columns x components it is given at most

npy <- function(path, count) {
  file <- file(path, "rb")
  on.exit(close(file))
  head <- as.integer(readBin(file, "raw", 10)[9:10])
  readBin(file, "raw", head[1] + 256 * head[2])
  readBin(file, "double", count)
}

iterate <- function(asked) {
  d <- as.integer(asked$d)
  k <- as.integer(asked$k)
  n <- min(as.integer(asked$n), as.integer(CELLS / (d * k)))
  rows <- matrix(npy(file.path(asked$folder, "rows.npy"), n * d), n, d, byrow = TRUE)
  means <- matrix(npy(file.path(asked$folder, "means.npy"), k * d), d, k)
  full <- asked$model == "full"
  covariance <- 1.5 * if (full) diag(0.8, d) + 0.2 else diag(d)
  variance <- if (full) {
    list(modelName = "VVV", d = d, G = k, sigma = array(covariance, c(d, d, k)),
         cholsigma = array(chol(covariance), c(d, d, k)))
  } else {
    list(modelName = "VVI", d = d, G = k, scale = rep(1.5, k), shape = matrix(1, d, k))
  }
  start <- list(pro = rep(1 / k, k), mean = means, variance = variance)
  fit <- function(iterations) {
    control <- emControl(eps = 0, tol = c(0, 0), itmax = rep(iterations, 2))
    begin <- as.numeric(Sys.time())
    found <- em(rows, variance$modelName, start, control = control, warn = FALSE)
    list(seconds = as.numeric(Sys.time()) - begin, iterations = abs(attr(found, "info")[[1]]))
  }
  more <- min(max(4, floor(0.2 / fit(1)$seconds)), 50)
  step <- function() {
    one <- fit(1)
    all <- fit(1 + more)
    list(seconds = (all$seconds - one$seconds) / (all$iterations - 1))
  }
  begin <- estep(rows, variance$modelName, start, warn = FALSE)
  list(facts = list(rows = n, log_likelihood = begin$loglik), step = step)
}

versions <- function(asked) {
  facts <- list(R = as.character(getRversion()), mclust = as.character(packageVersion("mclust")))
  list(facts = facts, step = function() list())
}

words <- function(line) {
  found <- scan(text = line, what = "", quiet = TRUE)
  pairs <- strsplit(found[-1], "=", fixed = TRUE)
  c(list(task = found[1]), setNames(lapply(pairs, `[`, 2), vapply(pairs, `[`, "", 1)))
}

say <- function(answer) {
  values <- vapply(answer, function(v) if (is.numeric(v)) sprintf("%.17g", v) else v, "")
  cat(c("ok", sprintf("%s=%s", names(answer), values)), fill = FALSE)
  cat("\n")
  flush(stdout())
}

input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
  asked <- words(line)
  if (asked$task == "step") {
    say(prepared$step())
  } else {
    prepared <- if (asked$task == "versions") versions(asked) else iterate(asked)
    say(prepared$facts)
  }
}
