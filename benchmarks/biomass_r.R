# Rscript --vanilla biomass_r.R TREES.csv ANSWER.csv DRAWS
# TREES: D [cm], H [m], H_sd [m], wd [g/cm3], wd_sd. ANSWER: one row, see biomass_r.py.
words <- commandArgs(trailingOnly = TRUE)
if (!requireNamespace("BIOMASS", quietly = TRUE)) quit(status = 3)
trees <- read.csv(words[1])
draws <- as.integer(words[3])
point <- sum(BIOMASS::computeAGB(D = trees$D, WD = trees$wd, H = trees$H))
started <- proc.time()
found <- BIOMASS::AGBmonteCarlo(
  D = trees$D, WD = trees$wd, errWD = trees$wd_sd, H = trees$H, errH = trees$H_sd, n = draws
)
spent <- proc.time() - started
answer <- data.frame(
  version = as.character(packageVersion("BIOMASS")), trees = nrow(trees), draws = draws,
  seconds = spent[["elapsed"]], cpu_seconds = spent[["user.self"]] + spent[["sys.self"]],
  agb_t = point, agb_t_mean = found$meanAGB, agb_t_sd = found$sdAGB
)
write.csv(answer, words[2], row.names = FALSE)
