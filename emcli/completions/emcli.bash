# Completion of emcli for bash: eval "$(emcli completion bash)", or as
# share/bash-completion/completions/emcli.

_emcli() {
    local models='gaussian student skewnormal lognormal exponential gamma weibull
        inverse-gaussian rayleigh beta poisson geometric negbinomial binomial zip
        bernoulli categorical multinomial vonmises vonmisesfisher uniform factor linear
        logistic poisson-regression'
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local words=
    if ((COMP_CWORD == 1)); then
        words='fit assign score sample show plot report models completion --help --version'
    else
        case $prev in
        --missing) words='use drop refuse' ;;
        --criterion) words='bic icl aic aicc sabic caic cv' ;;
        --acceleration) words='lbfgs squarem none' ;;
        --progress) words='auto lines json never' ;;
        --kind) words='clusters bound convergence criterion uncertainty scree animation terminal' ;;
        --start) words='kmeans++ random hierarchical quantile' ;;
        -m | --model) words="$models auto" ;;
        *)
            case ${COMP_WORDS[1]}:$cur in
            fit:-*)
                words='--model --components --component --noise --equal-weights --family-file
                    --colours --columns --exclude --id
                    --weight --labels --label-trust --truth --interval --censored --truncated
                    --missing --params --assignments --impute --draws --append --no-probabilities
                    --trace --trace-parameters --strict --plot --provenance --criterion --folds --start
                    --starts --seed --tolerance --max-iterations --max-time --acceleration
                    --delimiter --decimal --encoding --na --no-header --threads --memory
                    --spool --progress --quiet --verbose --config --show-config --help'
                ;;
            assign:-*)
                words='--assignments --append --no-probabilities --id --interval --censored --missing
                    --family-file --delimiter --decimal --encoding --na --no-header --threads --quiet
                    --help'
                ;;
            score:-*)
                words='--output --below --id --interval --censored --weight --missing --family-file
                    --delimiter --decimal --encoding --na --no-header --threads --quiet --help'
                ;;
            sample:-*)
                words='--rows --seed --given --output --family-file --help'
                ;;
            show:-*)
                words='--family-file --help'
                ;;
            plot:-*)
                words='--kind --output --iteration --trace --weight --interval --censored --missing
                    --family-file --delimiter --decimal --encoding --na --no-header --threads --help'
                ;;
            report:-*)
                words='--output --iteration --trace --weight --interval --censored --missing
                    --family-file --delimiter --decimal --encoding --na --no-header --threads --help'
                ;;
            models:-*)
                words='--family-file --help'
                ;;
            completion:-*)
                words='--help'
                ;;
            models:*) words=$models ;;
            completion:*) words='bash zsh fish' ;;
            esac
            ;;
        esac
    fi
    # No match leaves the file names that `-o default` offers.
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -o default -F _emcli emcli
