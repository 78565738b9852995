#compdef emcli
# Completion of emcli for zsh: eval "$(emcli completion zsh)" after compinit, or as
# share/zsh/site-functions/_emcli.

_emcli() {
    local -a commands
    commands=(
        'fit:Fit a mixture to a table'
        'assign:Colour new rows with fitted parameters'
        'score:Log density of each row; outliers'
        'sample:Draw rows from fitted parameters'
        'show:Fitted parameters as a table'
        'plot:Pictures of a fit'
        'report:A page about a fit'
        'models:The catalogue of models'
        'completion:Print the completion script of a shell'
    )
    if ((CURRENT == 2)); then
        _describe command commands
        _arguments '(-)'{-h,--help}'[show help]' '(-)'{-V,--version}'[show version]'
        return
    fi
    local command=${words[2]}
    shift words
    ((CURRENT--))
    case $command in
    fit)
        _arguments -s \
            '(-m --model)'{-m,--model}'[Model, or several separated by commas to compare]:model:(gaussian student skewnormal lognormal exponential gamma weibull inverse-gaussian rayleigh beta poisson geometric negbinomial binomial zip bernoulli categorical multinomial vonmises vonmisesfisher uniform factor linear logistic poisson-regression auto)' \
            '(-k --components)'{-k,--components}'[Number of components]:k:' \
            '*--component[One component of another kind]:colour=model:' \
            '--noise[Add a uniform background, grey, for outliers]' \
            '--equal-weights[Hold the mixing weights at 1/k]' \
            '*--family-file[A distribution of your own, FILE.py\:NAME]:file:_files' \
            '--colours[Names of the components, largest first, in place of red, blue, green, ...]:list:' \
            '*'{-c,--columns}'[Columns of the model]:spec:' \
            '*'{-x,--exclude}'[Columns to leave out]:spec:' \
            '--id[Column that names the rows]:col:' \
            '--weight[Column of non-negative row weights]:col:' \
            '--labels[Column of colours that are known, empty where masked]:col:' \
            '--label-trust[Probability that a label is right]:p:' \
            '--truth[Column to compare the colours with after the fit]:col:' \
            '*--interval[A column known only to lie between two others, or binned]:name=lower,upper:' \
            '*--censored[Where STATUS is 0 or false the value is COL or more]:col=status:' \
            '*--truncated[Values outside were never recorded]:lower,upper:' \
            '--missing[Empty cells]:missing:(use drop refuse)' \
            '(-o --params)'{-o,--params}'[Write the parameters as JSON; - is standard output]:file:_files' \
            '(-a --assignments)'{-a,--assignments}'[Write each rows colour as CSV, or Parquet by its ending]:file:_files' \
            '--impute[Write the table with what is expected in each empty cell]:file:_files' \
            '--draws[Write M tables, their empty cells drawn]:number:' \
            '--append[Keep the inputs columns in the assignments]' \
            '--no-probabilities[Write only the colour]' \
            '--trace[Write one JSON line for each EM step]:file:_files' \
            '--trace-parameters[Parameters in the trace too]' \
            '--strict[Not converged or degenerate is a failure]' \
            '--plot[Show the components in the terminal after the summary]' \
            '--provenance[Time, host, paths and versions into the parameters]' \
            '--criterion[Chooses among models and k]:criterion:(bic icl aic aicc sabic caic cv)' \
            '--folds[Folds of --criterion cv]:n:' \
            '--start[kmeans++, random, hierarchical or quantile for every start, or a parameters file to start from]:start:_files' \
            '--starts[Number of starts for each model and k]:n:' \
            '--seed[Seed of the random starts]:s:' \
            '--tolerance[Stop when the estimated log-likelihood still to come is under T nats in total]:t:' \
            '--max-iterations[Most EM steps of one run]:n:' \
            '--max-time[Stop starting new work after this long (90s, 5m, 1h30m) and keep the best so far]:duration:' \
            '--acceleration[What jumps ahead once plain EM has settled: L-BFGS, SQUAREM or nothing]:acceleration:(lbfgs squarem none)' \
            '(-d --delimiter)'{-d,--delimiter}'[Field separator of text tables]:char:' \
            '--decimal[Decimal mark of text tables]:char:' \
            '--encoding[Character encoding of text tables]:name:' \
            '--na[Words that mean an empty cell, separated by commas, in place of NA, NaN, null and their kin]:list:' \
            '--no-header[The first line is data]' \
            '--threads[Processor cores to use]:n:' \
            '--memory[Memory to stay under (256M, 2G)]:size:' \
            '--spool[Directory for what does not fit into memory]:dir:_files -/' \
            '--progress[Live display on a terminal, plain lines, JSON lines, or nothing]:progress:(auto lines json never)' \
            '(-q --quiet)'{-q,--quiet}'[No summary and no warnings]' \
            '*'{-v,--verbose}'[Say more]' \
            '--config[TOML file of options by their long names]:file:_files' \
            '--show-config[Print every options value and where it came from, and stop]' \
            '(-h --help)'{-h,--help}'[Show this message and exit]' \
            '*:file:_files'
        ;;
    assign)
        _arguments -s \
            '(-a -o --assignments)'{-a,-o,--assignments}'[Write each rows colour as CSV, or Parquet by its ending]:file:_files' \
            '--append[Keep the inputs columns in the assignments]' \
            '--no-probabilities[Write only the colour]' \
            '--id[Column that names the rows]:col:' \
            '*--interval[A column known only to lie between two others, or binned]:name=lower,upper:' \
            '*--censored[Where STATUS is 0 or false the value is COL or more]:col=status:' \
            '--missing[Empty cells]:missing:(use drop refuse)' \
            '*--family-file[A distribution of your own, FILE.py\:NAME]:file:_files' \
            '(-d --delimiter)'{-d,--delimiter}'[Field separator of text tables]:char:' \
            '--decimal[Decimal mark of text tables]:char:' \
            '--encoding[Character encoding of text tables]:name:' \
            '--na[Words that mean an empty cell, separated by commas, in place of NA, NaN, null and their kin]:list:' \
            '--no-header[The first line is data]' \
            '--threads[Processor cores to use]:n:' \
            '(-q --quiet)'{-q,--quiet}'[No totals and no warnings]' \
            '(-h --help)'{-h,--help}'[Show this message and exit]' \
            '*:file:_files'
        ;;
    score)
        _arguments -s \
            '(-o --output)'{-o,--output}'[Write each rows log density as CSV, or Parquet by its ending]:file:_files' \
            '--below[List only the rows under the Q-quantile of the fitted datas log densities (0.01]:q:' \
            '--id[Column that names the rows]:col:' \
            '*--interval[A column known only to lie between two others, or binned]:name=lower,upper:' \
            '*--censored[Where STATUS is 0 or false the value is COL or more]:col=status:' \
            '--weight[Column of non-negative row weights]:col:' \
            '--missing[Empty cells]:missing:(use drop refuse)' \
            '*--family-file[A distribution of your own, FILE.py\:NAME]:file:_files' \
            '(-d --delimiter)'{-d,--delimiter}'[Field separator of text tables]:char:' \
            '--decimal[Decimal mark of text tables]:char:' \
            '--encoding[Character encoding of text tables]:name:' \
            '--na[Words that mean an empty cell, separated by commas, in place of NA, NaN, null and their kin]:list:' \
            '--no-header[The first line is data]' \
            '--threads[Processor cores to use]:n:' \
            '(-q --quiet)'{-q,--quiet}'[No totals and no warnings]' \
            '(-h --help)'{-h,--help}'[Show this message and exit]' \
            '*:file:_files'
        ;;
    sample)
        _arguments -s \
            '(-n --rows)'{-n,--rows}'[Number of rows to draw]:n:' \
            '--seed[Seed of the draws]:s:' \
            '--given[Table with the trials]:data:_files' \
            '(-o --output)'{-o,--output}'[Write the rows as CSV, or Parquet by its ending]:file:_files' \
            '*--family-file[A distribution of your own, FILE.py\:NAME]:file:_files' \
            '(-h --help)'{-h,--help}'[Show this message and exit]' \
            '*:file:_files'
        ;;
    show)
        _arguments -s \
            '*--family-file[A distribution of your own, FILE.py\:NAME]:file:_files' \
            '(-h --help)'{-h,--help}'[Show this message and exit]' \
            '*:file:_files'
        ;;
    plot)
        _arguments -s \
            '--kind[Which picture]:kind:(clusters bound convergence criterion uncertainty scree animation terminal)' \
            '(-o --output)'{-o,--output}'[Write the picture as .png, .svg or .pdf by its ending]:file:_files' \
            '--iteration[Iteration of EM at which --kind bound begins]:t:' \
            '--trace[What emcli fit --trace wrote, for --kind convergence]:file:_files' \
            '*--interval[A column known only to lie between two others, or binned]:name=lower,upper:' \
            '*--censored[Where STATUS is 0 or false the value is COL or more]:col=status:' \
            '--weight[Column of non-negative row weights]:col:' \
            '--missing[Empty cells]:missing:(use drop refuse)' \
            '*--family-file[A distribution of your own, FILE.py\:NAME]:file:_files' \
            '(-d --delimiter)'{-d,--delimiter}'[Field separator of text tables]:char:' \
            '--decimal[Decimal mark of text tables]:char:' \
            '--encoding[Character encoding of text tables]:name:' \
            '--na[Words that mean an empty cell, separated by commas, in place of NA, NaN, null and their kin]:list:' \
            '--no-header[The first line is data]' \
            '--threads[Processor cores to use]:n:' \
            '(-h --help)'{-h,--help}'[Show this message and exit]' \
            '*:file:_files'
        ;;
    report)
        _arguments -s \
            '(-o --output)'{-o,--output}'[Write the page as HTML]:file:_files' \
            '--iteration[Iteration of EM at which the picture of the lower bound begins]:t:' \
            '--trace[What emcli fit --trace wrote]:file:_files' \
            '*--interval[A column known only to lie between two others, or binned]:name=lower,upper:' \
            '*--censored[Where STATUS is 0 or false the value is COL or more]:col=status:' \
            '--weight[Column of non-negative row weights]:col:' \
            '--missing[Empty cells]:missing:(use drop refuse)' \
            '*--family-file[A distribution of your own, FILE.py\:NAME]:file:_files' \
            '(-d --delimiter)'{-d,--delimiter}'[Field separator of text tables]:char:' \
            '--decimal[Decimal mark of text tables]:char:' \
            '--encoding[Character encoding of text tables]:name:' \
            '--na[Words that mean an empty cell, separated by commas, in place of NA, NaN, null and their kin]:list:' \
            '--no-header[The first line is data]' \
            '--threads[Processor cores to use]:n:' \
            '(-h --help)'{-h,--help}'[Show this message and exit]' \
            '*:file:_files'
        ;;
    models)
        _arguments -s \
            '*--family-file[A distribution of your own, FILE.py\:NAME]:file:_files' \
            '(-h --help)'{-h,--help}'[Show this message and exit]' \
            '1:family:(gaussian student skewnormal lognormal exponential gamma weibull inverse-gaussian rayleigh beta poisson geometric negbinomial binomial zip bernoulli categorical multinomial vonmises vonmisesfisher uniform factor linear logistic poisson-regression)'
        ;;
    completion)
        _arguments -s \
            '(-h --help)'{-h,--help}'[Show this message and exit]' \
            '1:shell:(bash zsh fish)'
        ;;
    esac
}

if [[ $funcstack[1] == _emcli ]]; then
    _emcli "$@"
else
    compdef _emcli emcli
fi
