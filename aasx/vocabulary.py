"""The twin's own vocabulary: every concept that no published template names, and the columns of a cycle record.

A concept has one meaning, one unit and one XML Schema type wherever its idShort appears. `CONCEPTS` is the table;
`RECORD_COLUMNS` lists the columns of Metadata.Record and of every RecordNNNN, in their order; `concept_descriptions`
turns the table into AAS concept descriptions (IEC 61360). The idShorts of the measured quantities are the field names
of NASA's files, so that they can be recognised.
"""

import csv
import pathlib
from dataclasses import dataclass
from functools import cache

from basyx.aas import model

from aasx.identifiers import concept_id

TEMPLATE_CONCEPTS_FILE = pathlib.Path(__file__).with_name("templates") / "concepts.csv"

# The identifier the metamodel 3.0 gives this data specification (IDTA-01003-a).
IEC61360 = "https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIec61360/3"


@dataclass(frozen=True)
class Concept:
    """One row of the table. `xs_type` is None for collections, lists, operations and other structures."""

    id: str
    xs_type: str | None
    unit: str | None
    name_en: str
    name_fr: str
    definition_en: str
    definition_fr: str


@dataclass(frozen=True)
class Column:
    """A column of the cycle record: its idShort in the AAS and the concept it means."""

    id_short: str
    concept: Concept

    @property
    def xs_type(self) -> str:
        assert self.concept.xs_type is not None
        return self.concept.xs_type

    @property
    def unit(self) -> str | None:
        return self.concept.unit


DOUBLE, INT, LONG = "xs:double", "xs:int", "xs:long"
STRING, BOOLEAN, DATE_TIME = "xs:string", "xs:boolean", "xs:dateTime"
STRUCTURE = None

# id, XML Schema type, unit, English name, French name, English definition, French definition
_TABLE: list[tuple[str, str | None, str | None, str, str, str, str]] = [
    # --- the cell and its data set
    ("Battery", STRING, None, "Cell", "Cellule",
     "name of the cell as its laboratory writes it; for NASA's cells the name of its data file",
     "nom de la cellule tel que son laboratoire l'écrit ; pour la NASA, le nom de son fichier de données"),
    ("DataSetCitation", STRING, None, "Data set citation", "Citation du jeu de données",
     "publication the data of this cell are taken from", "publication d'où proviennent les données de cette cellule"),
    ("DataSheet", STRING, None, "Data sheet", "Fiche technique",
     "facts about the cell and its test on one page", "faits sur la cellule et son essai, sur une page"),
    # --- measured quantities (names of the data set) and the columns of a cycle record
    ("id_cycle", INT, "1", "Cycle number", "Numéro de cycle",
     "number that the source gives the discharge cycle, from 1; it grows over the life of the cell and may have gaps",
     "numéro que la source donne au cycle de décharge, à partir de 1 ; il croît et peut avoir des lacunes"),
    ("type", STRING, None, "Cycle type", "Type de cycle",
     "kind of operation: charge, discharge or impedance", "nature de l'opération : charge, décharge ou impédance"),
    ("CycleStartTime", DATE_TIME, None, "Cycle start", "Début du cycle",
     "start of the cycle by the clock of the test bench; its time zone is not recorded",
     "début du cycle à l'horloge du banc d'essai ; le fuseau horaire n'est pas enregistré"),
    ("Time", DOUBLE, "s", "Time in cycle", "Temps dans le cycle",
     "time since the start of the cycle", "temps écoulé depuis le début du cycle"),
    ("ambient_temperature", DOUBLE, "°C", "Ambient temperature", "Température ambiante",
     "temperature of the surroundings of the cell", "température du milieu entourant la cellule"),
    ("Capacity", DOUBLE, "Ah", "Discharge capacity", "Capacité de décharge",
     "charge the cell delivers in one discharge to its stop voltage",
     "charge délivrée par la cellule en une décharge jusqu'à sa tension d'arrêt"),
    ("StateOfHealth", DOUBLE, "%", "State of health", "État de santé",
     "discharge capacity divided by the rated capacity", "capacité de décharge divisée par la capacité assignée"),
    ("Voltage_measured", DOUBLE, "V", "Terminal voltage", "Tension aux bornes",
     "voltage between the terminals of the cell; in a cycle record its mean under load",
     "tension entre les bornes de la cellule ; dans un enregistrement de cycle, sa moyenne sous charge"),
    ("Current_measured", DOUBLE, "A", "Cell current", "Courant de la cellule",
     "current of the cell, negative while it discharges; in a cycle record its mean under load",
     "courant de la cellule, négatif en décharge ; dans un enregistrement de cycle, sa moyenne sous charge"),
    ("Temperature_measured", DOUBLE, "°C", "Cell temperature", "Température de la cellule",
     "temperature of the cell; in a cycle record its maximum",
     "température de la cellule ; dans un enregistrement de cycle, son maximum"),
    ("Current_charge", DOUBLE, "A", "Current at charger or load", "Courant au chargeur ou à la charge",
     "current at the charger, or at the load while discharging (Current_load in the files); in a record its mean",
     "courant au chargeur, ou à la charge en décharge (Current_load dans les fichiers) ; moyenne par cycle"),
    ("Voltage_charge", DOUBLE, "V", "Voltage at charger or load", "Tension au chargeur ou à la charge",
     "voltage at the charger, or at the load while discharging (Voltage_load in the files); in a record its mean",
     "tension au chargeur, ou à la charge en décharge (Voltage_load dans les fichiers) ; moyenne par cycle"),
    ("Duration", DOUBLE, "s", "Cycle duration", "Durée du cycle",
     "last minus first time of the cycle", "dernier temps du cycle moins le premier"),
    ("RestBefore", DOUBLE, "h", "Rest before", "Repos avant",
     "time from the end of the discharge before to the start of this one; no value for the first cycle",
     "temps entre la fin de la décharge précédente et le début de celle-ci ; sans valeur au premier cycle"),
    ("DischargeCurrent", DOUBLE, "A", "Discharge current", "Courant de décharge",
     "amount of the current the cell is discharged with; in a record the 95th percentile of its amount under load",
     "intensité du courant de décharge ; dans un enregistrement de cycle, le 95e centile de l'intensité sous charge"),
    ("VoltageDrop", DOUBLE, "V", "Voltage drop", "Chute de tension",
     "fall of the terminal voltage when the load is switched on",
     "baisse de la tension aux bornes à la mise sous charge"),
    ("OhmicResistance", DOUBLE, "Ω", "Ohmic resistance", "Résistance ohmique",
     "voltage drop at load on divided by the current", "chute de tension à la mise sous charge divisée par le courant"),
    ("TemperatureRise", DOUBLE, "K", "Temperature rise", "Échauffement",
     "maximum temperature of the cell during the discharge minus the temperature at its start",
     "température maximale de la cellule pendant la décharge moins la température initiale"),
    ("Voltage300s", DOUBLE, "V", "Voltage after 300 s", "Tension après 300 s",
     "terminal voltage 300 s after the start of the discharge",
     "tension aux bornes 300 s après le début de la décharge"),
    ("Voltage600s", DOUBLE, "V", "Voltage after 600 s", "Tension après 600 s",
     "terminal voltage 600 s after the start of the discharge",
     "tension aux bornes 600 s après le début de la décharge"),
    ("Charge3V8To3V6", DOUBLE, "Ah", "Charge from 3.8 V to 3.6 V", "Charge de 3,8 V à 3,6 V",
     "charge delivered while the voltage falls from 3.8 V to 3.6 V",
     "charge délivrée pendant que la tension passe de 3,8 V à 3,6 V"),
    ("Charge3V7To3V5", DOUBLE, "Ah", "Charge from 3.7 V to 3.5 V", "Charge de 3,7 V à 3,5 V",
     "charge delivered while the voltage falls from 3.7 V to 3.5 V",
     "charge délivrée pendant que la tension passe de 3,7 V à 3,5 V"),
    ("ChargeTo3V5", DOUBLE, "Ah", "Charge down to 3.5 V", "Charge jusqu'à 3,5 V",
     "charge delivered until the voltage first falls to 3.5 V",
     "charge délivrée jusqu'à ce que la tension atteigne 3,5 V"),
    ("ChargeCapacity", DOUBLE, "Ah", "Charged capacity", "Capacité chargée",
     "charge taken up in the charge before this discharge",
     "charge absorbée lors de la charge précédant cette décharge"),
    ("ChargeSincePrevious", DOUBLE, "Ah", "Charge since previous discharge", "Charge depuis la décharge précédente",
     "charge taken up in all charges since the discharge before",
     "charge absorbée par toutes les charges depuis la décharge précédente"),
    ("CCCharge", DOUBLE, "Ah", "Charge at constant current", "Charge à courant constant",
     "charge taken up in the constant-current part of the charge",
     "charge absorbée dans la phase à courant constant de la charge"),
    ("CVCharge", DOUBLE, "Ah", "Charge at constant voltage", "Charge à tension constante",
     "charge taken up in the constant-voltage part of the charge",
     "charge absorbée dans la phase à tension constante de la charge"),
    ("CVTimeTo0A5", DOUBLE, "s", "Time at constant voltage to 0.5 A", "Temps à tension constante jusqu'à 0,5 A",
     "time from the start of the constant-voltage part until the current has fallen to 0.5 A",
     "temps entre le début de la phase à tension constante et le passage du courant sous 0,5 A"),
    ("CVCurrentAt1000s", DOUBLE, "A", "Current after 1000 s at constant voltage",
     "Courant après 1000 s à tension constante",
     "current 1000 s after the start of the constant-voltage part",
     "courant 1000 s après le début de la phase à tension constante"),
    ("ChargeTime3V9To4V0", DOUBLE, "s", "Charge time from 3.9 V to 4.0 V", "Temps de charge de 3,9 V à 4,0 V",
     "time the voltage takes from 3.9 V to 4.0 V while charging",
     "temps mis par la tension pour passer de 3,9 V à 4,0 V en charge"),
    ("ChargeTime4V0To4V1", DOUBLE, "s", "Charge time from 4.0 V to 4.1 V", "Temps de charge de 4,0 V à 4,1 V",
     "time the voltage takes from 4.0 V to 4.1 V while charging",
     "temps mis par la tension pour passer de 4,0 V à 4,1 V en charge"),
    ("Re", DOUBLE, "Ω", "Electrolyte resistance", "Résistance de l'électrolyte",
     "electrolyte resistance estimated from the last impedance measurement before",
     "résistance de l'électrolyte estimée par la dernière mesure d'impédance précédente"),
    ("Rct", DOUBLE, "Ω", "Charge transfer resistance", "Résistance de transfert de charge",
     "charge transfer resistance estimated from the last impedance measurement before",
     "résistance de transfert de charge estimée par la dernière mesure d'impédance précédente"),
    ("LiveState", STRUCTURE, None, "Live state", "État instantané",
     "last sample and last cycle received from the cell", "dernier échantillon et dernier cycle reçus de la cellule"),
    ("LastUpdate", DATE_TIME, None, "Last update", "Dernière mise à jour",
     "time (UTC) at which the values beside it were last written",
     "heure (UTC) de la dernière écriture des valeurs voisines"),
    ("Clock", STRING, None, "Clock", "Horloge",
     "what the times of the cell are given by: bench (clock of its test bench, without zone) or UTC; the first time "
     "that is received decides",
     "ce que disent les heures de la cellule : bench (horloge du banc d'essai, sans fuseau) ou UTC ; la première heure "
     "reçue en décide"),
    ("SampleTime", DATE_TIME, None, "Time of the last sample", "Heure du dernier échantillon",
     "time of the last sample by the clock of the cell", "heure du dernier échantillon à l'horloge de la cellule"),
    ("ReceivedAt", DATE_TIME, None, "Received at", "Reçu le",
     "time (UTC) at which the last samples were received", "heure (UTC) de réception des derniers échantillons"),
    ("StateOfCharge", DOUBLE, "%", "State of charge", "État de charge",
     "charge left in percent of the capacity, counted from the last full charge",
     "charge restante en pourcentage de la capacité, comptée depuis la dernière charge complète"),
    ("FullChargeAt", DATE_TIME, None, "Last full charge", "Dernière charge complète",
     "time, by the clock of the cell, at which the cell was last seen full; the state of charge is counted from there",
     "heure, à l'horloge de la cellule, de la dernière pleine charge constatée, d'où l'état de charge est compté"),
    ("FullChargeAge", DOUBLE, "h", "Age of the full charge", "Âge de la pleine charge",
     "time from the last full charge to the last sample; the state of charge is as uncertain as this is long",
     "temps entre la dernière pleine charge et le dernier échantillon ; l'incertitude de l'état de charge croît avec"),
    ("RunningCycle", STRUCTURE, None, "Running cycle", "Cycle en cours",
     "samples of the cycle that has not ended yet, so that any delegate can go on with it",
     "échantillons du cycle en cours, pour que tout délégué puisse le poursuivre"),
    ("RunningSamples", STRUCTURE, None, "Running samples", "Échantillons en cours",
     "a part of the samples of the running cycle", "une partie des échantillons du cycle en cours"),
    ("RejectedCycles", STRUCTURE, None, "Rejected discharges", "Décharges rejetées",
     "discharges that are no cycle of the history, with the reason, newest last",
     "décharges qui ne sont pas des cycles de l'historique, avec la raison, la plus récente en dernier"),
    ("RejectedCycle", STRUCTURE, None, "Rejected discharge", "Décharge rejetée",
     "a discharge that is no measure of the capacity, or that could not be recorded",
     "décharge qui ne mesure pas la capacité, ou qui n'a pu être enregistrée"),
    ("Reason", STRING, None, "Reason", "Raison",
     "why it is no cycle: small, partial, aboveLimit, signUnknown, beforeLast, numberTaken, or what to put right",
     "pourquoi ce n'est pas un cycle : small, partial, aboveLimit, signUnknown, beforeLast, numberTaken, ou le remède"),
    # --- test protocol and limits of the cell
    ("EndOfLifeCapacity", DOUBLE, "Ah", "End-of-life capacity", "Capacité de fin de vie",
     "discharge capacity below which the cell has reached its end of life",
     "capacité de décharge sous laquelle la cellule est en fin de vie"),
    ("CellType", STRING, None, "Cell type", "Type de cellule",
     "what groups alike cells: maker and model, or a name that the user gives; cells of one type are compared",
     "ce qui regroupe les cellules semblables : fabricant et modèle, ou un nom donné par l'utilisateur"),
    ("Chemistry", STRING, None, "Chemistry", "Chimie",
     "active materials of the cell, by the usual abbreviation: NMC, NCA, LCO, LFP, LTO ...",
     "matériaux actifs de la cellule, par l'abréviation usuelle : NMC, NCA, LCO, LFP, LTO..."),
    ("FormFactor", STRING, None, "Form", "Format",
     "shape and size of the cell: 18650, 21700, pouch, prismatic ...",
     "forme et taille de la cellule : 18650, 21700, poche, prismatique..."),
    ("SeriesCount", INT, "1", "Cells in series", "Cellules en série",
     "cells one after another; voltages at the terminals are those of a cell times this number",
     "cellules en série ; les tensions aux bornes sont celles d'une cellule multipliées par ce nombre"),
    ("ParallelCount", INT, "1", "Cells in parallel", "Cellules en parallèle",
     "cells side by side; capacities and currents are those of all of them together",
     "cellules en parallèle ; capacités et courants sont ceux de l'ensemble"),
    ("LowestCellVoltage", DOUBLE, "V", "Lowest cell voltage", "Tension minimale de cellule",
     "voltage below which a single cell must not be discharged",
     "tension sous laquelle une cellule seule ne doit pas être déchargée"),
    ("HighestCellVoltage", DOUBLE, "V", "Highest cell voltage", "Tension maximale de cellule",
     "voltage above which a single cell must not be charged",
     "tension au-dessus de laquelle une cellule seule ne doit pas être chargée"),
    ("HighestChargeCurrent", DOUBLE, "A", "Highest charge current", "Courant de charge maximal",
     "largest charge current at the terminals; where none is stated, 20 times the rated capacity per hour",
     "plus grand courant de charge aux bornes ; à défaut, 20 fois la capacité assignée par heure"),
    ("HighestDischargeCurrent", DOUBLE, "A", "Highest discharge current", "Courant de décharge maximal",
     "largest amount of the discharge current; where none is stated, 20 times the rated capacity per hour",
     "plus grande intensité de décharge ; à défaut, 20 fois la capacité assignée par heure"),
    ("CapacityEndVoltage", DOUBLE, "V", "End voltage of the capacity", "Tension de fin de la capacité",
     "voltage at the terminals down to which the charge delivered counts as capacity",
     "tension aux bornes jusqu'à laquelle la charge délivrée compte comme capacité"),
    ("ExpectedLife", DOUBLE, "cycle", "Expected life", "Durée de vie attendue",
     "cycles from new to the end of life that the source promises",
     "cycles annoncés par la source, du neuf à la fin de vie"),
    ("ReplayOf", STRING, None, "Replay of", "Relecture de",
     "cell whose recorded cycles are played into this one",
     "cellule dont les cycles enregistrés sont rejoués dans celle-ci"),
    ("ChargeCurrentCC", DOUBLE, "A", "Charge current", "Courant de charge",
     "current in the constant-current part of the charge", "courant dans la phase à courant constant de la charge"),
    ("ChargeVoltageCV", DOUBLE, "V", "Charge voltage", "Tension de charge",
     "voltage in the constant-voltage part of the charge", "tension dans la phase à tension constante de la charge"),
    ("ChargeCutOffCurrent", DOUBLE, "A", "Charge cut-off current", "Courant de fin de charge",
     "current at which the constant-voltage part of the charge ends",
     "courant auquel s'arrête la phase à tension constante de la charge"),
    ("CutOffVoltage", DOUBLE, "V", "Cut-off voltage", "Tension d'arrêt",
     "voltage at which a discharge ends", "tension à laquelle s'arrête une décharge"),
    ("DischargeProfile", STRING, None, "Discharge profile", "Profil de décharge",
     "course of the discharge current over time, in words", "allure du courant de décharge dans le temps, en mots"),
    ("ImpedanceSweepMin", DOUBLE, "Hz", "Impedance sweep, lowest frequency", "Balayage d'impédance, fréquence minimale",
     "lowest frequency of the impedance spectroscopy", "fréquence minimale de la spectroscopie d'impédance"),
    ("ImpedanceSweepMax", DOUBLE, "Hz", "Impedance sweep, highest frequency",
     "Balayage d'impédance, fréquence maximale",
     "highest frequency of the impedance spectroscopy", "fréquence maximale de la spectroscopie d'impédance"),
    # --- prediction
    ("RUL", DOUBLE, "cycle", "Remaining useful life", "Durée de vie utile restante",
     "discharge cycles left until the capacity falls below the end-of-life capacity",
     "cycles de décharge restants avant que la capacité passe sous la capacité de fin de vie"),
    ("RULLower", DOUBLE, "cycle", "Remaining useful life, lower bound", "Durée de vie utile restante, borne basse",
     "lower bound of the confidence interval of the remaining useful life",
     "borne basse de l'intervalle de confiance de la durée de vie utile restante"),
    ("RULUpper", DOUBLE, "cycle", "Remaining useful life, upper bound", "Durée de vie utile restante, borne haute",
     "upper bound of the confidence interval of the remaining useful life",
     "borne haute de l'intervalle de confiance de la durée de vie utile restante"),
    ("StateOfHealthLower", DOUBLE, "%", "State of health, lower bound", "État de santé, borne basse",
     "lower bound of the confidence interval of the state of health",
     "borne basse de l'intervalle de confiance de l'état de santé"),
    ("StateOfHealthUpper", DOUBLE, "%", "State of health, upper bound", "État de santé, borne haute",
     "upper bound of the confidence interval of the state of health",
     "borne haute de l'intervalle de confiance de l'état de santé"),
    ("StateOfHealthPrediction", STRUCTURE, None, "State of health prediction", "Prédiction de l'état de santé",
     "estimated state of health with its confidence interval", "état de santé estimé avec son intervalle de confiance"),
    ("PredictedAt", DATE_TIME, None, "Predicted at", "Prédit le",
     "time (UTC) at which the prediction was made", "heure (UTC) à laquelle la prédiction a été faite"),
    ("PredictionDetails", STRUCTURE, None, "Prediction details", "Détails de la prédiction",
     "exact values of the last prediction and where they come from",
     "valeurs exactes de la dernière prédiction et leur origine"),
    ("AtCycle", INT, "cycle", "At cycle", "Au cycle",
     "last cycle whose data the prediction uses", "dernier cycle dont la prédiction utilise les données"),
    ("PredictedAtCycle", INT, "cycle", "Predicted at cycle", "Prédit au cycle",
     "last cycle whose data the prediction used", "dernier cycle dont la prédiction a utilisé les données"),
    ("EndOfLifeCycle", INT, "cycle", "End-of-life cycle", "Cycle de fin de vie",
     "cycle in which the capacity is predicted, or was seen, to fall below the end-of-life capacity",
     "cycle où la capacité passe, selon la prédiction ou la mesure, sous la capacité de fin de vie"),
    ("ConfidenceLevel", DOUBLE, "1", "Confidence level", "Niveau de confiance",
     "probability with which the interval is meant to hold the true value, between 0 and 1",
     "probabilité visée que l'intervalle contienne la vraie valeur, entre 0 et 1"),
    ("ModelVersion", STRING, None, "Model version", "Version du modèle",
     "version of the model that made the prediction", "version du modèle ayant fait la prédiction"),
    ("ModelHash", STRING, None, "Model hash", "Empreinte du modèle",
     "SHA-256 of the model's file", "SHA-256 du fichier du modèle"),
    ("ModelKind", STRING, None, "Model kind", "Nature du modèle",
     "crossFitted: fitted without the cell it predicts; full: fitted on all training cells",
     "crossFitted : ajusté sans la cellule prédite ; full : ajusté sur toutes les cellules d'apprentissage"),
    ("InputFirstCycle", INT, "cycle", "First cycle used", "Premier cycle utilisé",
     "first cycle of the history the prediction used", "premier cycle de l'historique utilisé par la prédiction"),
    ("InputLastCycle", INT, "cycle", "Last cycle used", "Dernier cycle utilisé",
     "last cycle of the history the prediction used", "dernier cycle de l'historique utilisé par la prédiction"),
    ("OutsideTrainingRange", BOOLEAN, None, "Outside training range", "Hors du domaine d'apprentissage",
     "true when an input lies outside the range of the training data",
     "vrai si une entrée est hors du domaine des données d'apprentissage"),
    ("OutsideTrainingRangeNames", STRING, None, "Inputs outside training range",
     "Entrées hors du domaine d'apprentissage",
     "idShorts of the inputs outside the training range, separated by commas",
     "idShorts des entrées hors du domaine d'apprentissage, séparés par des virgules"),
    ("PredictionStatus", STRING, None, "Prediction status", "Statut de la prédiction",
     "ok, earlyLife (little history), pastEndOfLife, noHistory or noRatedCapacity (none stated or measured yet)",
     "ok, earlyLife (peu d'historique), pastEndOfLife (fin de vie passée), noHistory (sans historique) ou "
     "noRatedCapacity (capacité assignée inconnue)"),
    ("PredictionGrade", STRING, None, "Trust in the remaining life", "Confiance dans la durée de vie restante",
     "validated (at least three failed siblings, or NASA's kind in its range), extrapolated (one or two, or other "
     "conditions), ownHistoryOnly (none, own fade well under way), orderOfMagnitude (nor that) or notKnown",
     "validated (au moins trois semblables en fin de vie, ou type NASA dans son domaine), extrapolated (un ou deux, ou "
     "autres conditions), ownHistoryOnly (aucun, perte propre avancée), orderOfMagnitude (ni l'un ni l'autre) ou "
     "notKnown (inconnue)"),
    ("PredictionSources", STRING, None, "Sources of the remaining life", "Sources de la durée de vie restante",
     "siblings, publicCells, ownHistory or nasaCells, each with its weight between 0 and 1, the heaviest first",
     "siblings, publicCells, ownHistory ou nasaCells, chacune avec son poids entre 0 et 1, par poids décroissant"),
    ("Siblings", STRING, None, "Siblings", "Semblables",
     "failed cells of the same type that the prediction used, separated by commas",
     "cellules du même type en fin de vie utilisées par la prédiction, séparées par des virgules"),
    ("GuaranteedLevel", DOUBLE, "1", "Guaranteed confidence level", "Niveau de confiance garanti",
     "confidence that the failed cells behind the interval guarantee by their number alone: n of n + 1",
     "confiance garantie par le seul nombre de cellules en fin de vie derrière l'intervalle : n sur n + 1"),
    ("CapacityTrajectory", STRUCTURE, None, "Capacity trajectory", "Trajectoire de capacité",
     "predicted capacity by cycle with its bounds", "capacité prédite par cycle avec ses bornes"),
    ("TrajectoryCycle", INT, "cycle", "Cycles of the trajectory", "Cycles de la trajectoire",
     "cycle numbers the predicted capacities belong to", "numéros de cycle des capacités prédites"),
    ("TrajectoryCapacity", DOUBLE, "Ah", "Predicted capacities", "Capacités prédites",
     "predicted discharge capacity at each cycle of the trajectory",
     "capacité de décharge prédite à chaque cycle de la trajectoire"),
    ("CapacityLower", DOUBLE, "Ah", "Predicted capacity, lower bound", "Capacité prédite, borne basse",
     "lower bound of the predicted capacity at each cycle of the trajectory",
     "borne basse de la capacité prédite à chaque cycle de la trajectoire"),
    ("CapacityUpper", DOUBLE, "Ah", "Predicted capacity, upper bound", "Capacité prédite, borne haute",
     "upper bound of the predicted capacity at each cycle of the trajectory",
     "borne haute de la capacité prédite à chaque cycle de la trajectoire"),
    ("Drivers", STRUCTURE, None, "Drivers", "Facteurs",
     "inputs that moved the prediction most, strongest first",
     "entrées ayant le plus influé sur la prédiction, par force"),
    ("Driver", STRUCTURE, None, "Driver", "Facteur",
     "one input and its effect on the prediction", "une entrée et son effet sur la prédiction"),
    ("Feature", STRING, None, "Feature", "Variable", "name of the input", "nom de l'entrée"),
    ("FeatureValue", DOUBLE, None, "Feature value", "Valeur de la variable",
     "value of the input, in the unit beside it", "valeur de l'entrée, dans l'unité indiquée à côté"),
    ("FeatureUnit", STRING, None, "Feature unit", "Unité de la variable", "unit of the input", "unité de l'entrée"),
    ("Effect", DOUBLE, "%", "Effect", "Effet",
     "change of the predicted remaining useful life due to this input",
     "variation de la durée de vie utile restante prédite due à cette entrée"),
    ("SimilarCells", STRUCTURE, None, "Similar cells", "Cellules similaires",
     "training cells whose history is most like this one's", "cellules d'apprentissage à l'historique le plus proche"),
    ("SimilarCell", STRUCTURE, None, "Similar cell", "Cellule similaire",
     "one training cell and its weight in the prediction",
     "une cellule d'apprentissage et son poids dans la prédiction"),
    ("Weight", DOUBLE, "1", "Weight", "Poids", "share in the prediction, between 0 and 1",
     "part dans la prédiction, de 0 à 1"),
    # --- thresholds
    ("SoHThresholds", STRUCTURE, None, "State of health thresholds", "Seuils d'état de santé",
     "states of health below which an alert is raised", "états de santé sous lesquels une alerte est levée"),
    ("SoHWarning", DOUBLE, "%", "State of health, warning", "État de santé, avertissement",
     "state of health below which a warning is raised", "état de santé sous lequel un avertissement est levé"),
    ("SoHCritical", DOUBLE, "%", "State of health, critical", "État de santé, critique",
     "state of health below which a critical alert is raised",
     "état de santé sous lequel une alerte critique est levée"),
    ("SoHEndOfLife", DOUBLE, "%", "State of health, end of life", "État de santé, fin de vie",
     "state of health below which the cell has reached its end of life",
     "état de santé sous lequel la cellule est en fin de vie"),
    ("TemperatureThresholds", STRUCTURE, None, "Temperature thresholds", "Seuils de température",
     "cell temperatures above which an alert is raised",
     "températures de cellule au-dessus desquelles une alerte est levée"),
    ("TemperatureWarning", DOUBLE, "°C", "Temperature, warning", "Température, avertissement",
     "cell temperature above which a warning is raised",
     "température de cellule au-dessus de laquelle un avertissement est levé"),
    ("TemperatureCritical", DOUBLE, "°C", "Temperature, critical", "Température, critique",
     "cell temperature above which a critical alert is raised",
     "température de cellule au-dessus de laquelle une alerte critique est levée"),
    ("RULWarning", DOUBLE, "cycle", "Remaining useful life, warning", "Durée de vie restante, avertissement",
     "remaining useful life at or below which a warning is raised",
     "durée de vie utile restante à partir de laquelle un avertissement est levé"),
    ("RULCritical", DOUBLE, "cycle", "Remaining useful life, critical", "Durée de vie restante, critique",
     "remaining useful life at or below which a critical alert is raised",
     "durée de vie utile restante à partir de laquelle une alerte critique est levée"),
    ("ThresholdChange", STRUCTURE, None, "Last change of thresholds", "Dernière modification des seuils",
     "who last changed the thresholds, when and why", "qui a modifié les seuils en dernier, quand et pourquoi"),
    ("ChangedBy", STRING, None, "Changed by", "Modifié par", "person who made the change", "auteur de la modification"),
    ("ChangedAt", DATE_TIME, None, "Changed at", "Modifié le", "time (UTC) of the change",
     "heure (UTC) de la modification"),
    ("Comment", STRING, None, "Comment", "Commentaire", "free remark of a person", "remarque libre d'une personne"),
    ("Corrections", STRUCTURE, None, "Corrections", "Corrections",
     "corrections of recorded cycles, newest last", "corrections de cycles enregistrés, la plus récente en dernier"),
    ("Correction", STRUCTURE, None, "Correction", "Correction",
     "who changed a recorded cycle, when and why, with its values before and after",
     "qui a modifié un cycle enregistré, quand et pourquoi, avec ses valeurs avant et après"),
    ("CorrectedBy", STRING, None, "Corrected by", "Corrigé par",
     "person who corrected the cycle", "personne ayant corrigé le cycle"),
    ("CorrectedAt", DATE_TIME, None, "Corrected at", "Corrigé le",
     "time (UTC) of the correction", "heure (UTC) de la correction"),
    ("Withdrawn", BOOLEAN, None, "Withdrawn", "Retiré",
     "true to take the cycle out of the history; its number stays free",
     "vrai pour retirer le cycle de l'historique ; son numéro reste inutilisé"),
    ("OldValues", STRING, None, "Values before", "Valeurs avant",
     "values before the correction, as JSON by idShort", "valeurs avant la correction, en JSON par idShort"),
    ("NewValues", STRING, None, "Values after", "Valeurs après",
     "values after the correction, as JSON by idShort; empty for a withdrawal",
     "valeurs après la correction, en JSON par idShort ; vide pour un retrait"),
    ("WithdrawnCycles", STRING, None, "Withdrawn cycles", "Cycles retirés",
     "numbers of the cycles that were withdrawn, separated by blanks; they are not given again",
     "numéros des cycles retirés, séparés par des espaces ; ils ne sont pas réattribués"),
    # --- alerts
    ("ActiveAlerts", STRUCTURE, None, "Active alerts", "Alertes actives",
     "alerts whose cause lasts or that nobody has acknowledged",
     "alertes dont la cause dure ou que nul n'a acquittées"),
    ("AlertHistory", STRUCTURE, None, "Alert history", "Historique des alertes",
     "alerts that are over, newest last", "alertes terminées, la plus récente en dernier"),
    ("Alert", STRUCTURE, None, "Alert", "Alerte", "crossing of a threshold", "franchissement d'un seuil"),
    ("AlertId", STRING, None, "Alert identifier", "Identifiant d'alerte",
     "identifier of the alert, unique within the cell", "identifiant de l'alerte, unique pour la cellule"),
    ("Indicator", STRING, None, "Indicator", "Indicateur",
     "quantity that crossed the threshold: RUL, StateOfHealth, Temperature_measured or ModelRange",
     "grandeur ayant franchi le seuil : RUL, StateOfHealth, Temperature_measured ou ModelRange"),
    ("Severity", STRING, None, "Severity", "Gravité",
     "warning, critical or endOfLife", "warning (avertissement), critical (critique) ou endOfLife (fin de vie)"),
    ("ThresholdValue", DOUBLE, None, "Threshold", "Seuil",
     "threshold that was crossed, in the unit of the indicator", "seuil franchi, dans l'unité de l'indicateur"),
    ("ActualValue", DOUBLE, None, "Actual value", "Valeur constatée",
     "value of the indicator when the alert was raised or last renewed, in its unit",
     "valeur de l'indicateur à la levée ou au dernier renouvellement de l'alerte, dans son unité"),
    ("AlertState", STRING, None, "Alert state", "État de l'alerte",
     "activeUnacknowledged, activeAcknowledged, clearedUnacknowledged or cleared",
     "activeUnacknowledged, activeAcknowledged, clearedUnacknowledged ou cleared (active ou levée, acquittée ou non)"),
    ("RaisedAt", DATE_TIME, None, "Raised at", "Levée le", "time (UTC) the alert was raised",
     "heure (UTC) de levée de l'alerte"),
    ("AcknowledgedAt", DATE_TIME, None, "Acknowledged at", "Acquittée le",
     "time (UTC) the alert was acknowledged", "heure (UTC) d'acquittement de l'alerte"),
    ("AcknowledgedBy", STRING, None, "Acknowledged by", "Acquittée par",
     "person who acknowledged the alert", "personne ayant acquitté l'alerte"),
    ("AcknowledgementComment", STRING, None, "Acknowledgement comment", "Commentaire d'acquittement",
     "remark of the person who acknowledged the alert", "remarque de la personne ayant acquitté l'alerte"),
    ("ClearedAt", DATE_TIME, None, "Cleared at", "Terminée le",
     "time (UTC) the cause of the alert was gone", "heure (UTC) de disparition de la cause de l'alerte"),
    ("Definition", STRUCTURE, None, "Definition", "Définition",
     "element of the twin that holds the threshold", "élément du jumeau qui porte le seuil"),
    # --- fleet
    ("FleetSubmodel", STRUCTURE, None, "Fleet", "Parc", "summary of all cells of the twin",
     "résumé de toutes les cellules du jumeau"),
    ("Cells", STRUCTURE, None, "Cells", "Cellules", "one summary per cell", "un résumé par cellule"),
    ("CellSummary", STRUCTURE, None, "Cell summary", "Résumé de cellule",
     "last prediction and alerts of one cell", "dernière prédiction et alertes d'une cellule"),
    ("FailedCells", STRUCTURE, None, "Failed cells", "Cellules en fin de vie",
     "cells of this twin that have passed their end of life, by cell type: they foretell the life of their siblings",
     "cellules de ce jumeau ayant passé leur fin de vie, par type : elles prédisent la vie de leurs semblables"),
    ("FailedCellsOfType", STRUCTURE, None, "Failed cells of a type", "Cellules d'un type en fin de vie",
     "the failed cells of one cell type, a property for each",
     "cellules d'un type en fin de vie, une propriété chacune"),
    ("FailedCell", STRING, None, "Failed cell", "Cellule en fin de vie",
     "end-of-life cycle of the cell and, where recorded, the time of that cycle on the test bench",
     "cycle de fin de vie de la cellule et, s'il est enregistré, son instant sur le banc d'essai"),
    ("RemovedCells", STRING, None, "Removed cells", "Cellules retirées",
     "cells a person has removed, separated by blanks; loading a package does not bring them back",
     "cellules retirées par une personne, séparées par des espaces ; un chargement ne les ramène pas"),
    ("Outbox", STRUCTURE, None, "Outbox", "Boîte d'envoi",
     "notifications of alerts that are still to be sent; the receivers are no part of the AAS",
     "notifications d'alertes encore à envoyer ; les destinataires ne font pas partie de l'AAS"),
    ("Notification", STRUCTURE, None, "Notification", "Notification",
     "an alert that was raised, acknowledged or cleared", "une alerte levée, acquittée ou terminée"),
    ("Event", STRING, None, "Event", "Événement",
     "raised, acknowledged or cleared", "raised (levée), acknowledged (acquittée) ou cleared (terminée)"),
    ("EventTime", DATE_TIME, None, "Time of the event", "Heure de l'événement",
     "time (UTC) of the event", "heure (UTC) de l'événement"),
    ("Taken", STRUCTURE, None, "Taken", "Prise en charge",
     "who is sending the notification, and until when nobody else does",
     "qui envoie la notification, et jusqu'à quand nul autre ne le fait"),
    ("TakenBy", STRING, None, "Taken by", "Prise par", "process that sends", "processus qui envoie"),
    ("TakenUntil", DATE_TIME, None, "Taken until", "Prise jusqu'à",
     "time (UTC) from which it may be tried again", "heure (UTC) à partir de laquelle on peut réessayer"),
    ("SentAt", DATE_TIME, None, "Sent at", "Envoyée le",
     "time (UTC) at which a receiver got it", "heure (UTC) à laquelle un destinataire l'a reçue"),
    ("AlertSeverity", STRING, None, "Highest severity", "Gravité la plus haute",
     "highest severity among the active alerts: none, warning, critical or endOfLife",
     "gravité la plus haute des alertes actives : none (aucune), warning, critical ou endOfLife"),
    ("UnacknowledgedAlerts", INT, "1", "Unacknowledged alerts", "Alertes non acquittées",
     "number of alerts nobody has acknowledged", "nombre d'alertes que nul n'a acquittées"),
    ("CapacityTrend", STRING, "Ah", "Capacity trend", "Tendance de capacité",
     "capacities over the life so far as text \"cycle:capacity cycle:capacity ...\"",
     "capacités au fil de la vie sous forme de texte « cycle:capacité cycle:capacité ... »"),
    # --- operations and their variables
    ("Predict", STRUCTURE, None, "Predict", "Prédire",
     "predicts remaining useful life and state of health and writes them into the twin",
     "prédit la durée de vie utile restante et l'état de santé et les écrit dans le jumeau"),
    ("SimulateWhatIf", STRUCTURE, None, "Simulate what if", "Simuler un scénario",
     "predicts the remaining useful life under other conditions of use; writes nothing",
     "prédit la durée de vie utile restante sous d'autres conditions d'usage ; n'écrit rien"),
    ("AppendCycle", STRUCTURE, None, "Append cycle", "Ajouter un cycle",
     "appends one discharge cycle to the history and predicts anew",
     "ajoute un cycle de décharge à l'historique et refait la prédiction"),
    ("CorrectCycle", STRUCTURE, None, "Correct cycle", "Corriger un cycle",
     "corrects the values of a recorded cycle, withdraws it, or records a withdrawn one again; the old values are kept",
     "corrige les valeurs d'un cycle enregistré, le retire ou le rétablit ; les anciennes valeurs sont conservées"),
    ("AppendCycles", STRUCTURE, None, "Append cycles", "Ajouter des cycles",
     "appends many finished discharge cycles in one call and predicts anew once",
     "ajoute de nombreux cycles de décharge terminés en un appel et refait une fois la prédiction"),
    ("AppendSamples", STRUCTURE, None, "Append samples", "Ajouter des échantillons",
     "takes raw samples: the live state follows, and cycles that end are appended to the history",
     "reçoit des échantillons bruts : l'état instantané suit et les cycles terminés rejoignent l'historique"),
    ("AcknowledgeAlert", STRUCTURE, None, "Acknowledge alert", "Acquitter une alerte",
     "records that a person has seen an alert", "consigne qu'une personne a vu une alerte"),
    ("SetThresholds", STRUCTURE, None, "Set thresholds", "Régler les seuils",
     "changes the thresholds of the alerts", "modifie les seuils des alertes"),
    ("PredictAll", STRUCTURE, None, "Predict all", "Tout prédire",
     "predicts every cell of the fleet", "prédit chaque cellule du parc"),
    ("Status", STRING, None, "Status", "Statut",
     "ok, invalidInput, notFound, conflict, unavailable, timeout or internal",
     "ok, invalidInput, notFound, conflict, unavailable, timeout ou internal"),
    ("Message", STRING, None, "Message", "Message", "what happened, for people",
     "ce qui s'est passé, pour les personnes"),
    ("RequestId", STRING, None, "Request identifier", "Identifiant de requête",
     "identifier of this invocation in the log", "identifiant de cet appel dans le journal"),
    ("FromCycle", INT, "cycle", "From cycle", "À partir du cycle",
     "cycle the simulation starts from", "cycle de départ de la simulation"),
    ("HorizonCycles", INT, "cycle", "Horizon", "Horizon",
     "number of cycles to simulate", "nombre de cycles à simuler"),
    ("Phases", STRUCTURE, None, "Phases", "Phases",
     "conditions of use that follow one another", "conditions d'usage successives"),
    ("Phase", STRUCTURE, None, "Phase", "Phase",
     "conditions of use over a number of cycles", "conditions d'usage sur un nombre de cycles"),
    ("Cycles", INT, "cycle", "Cycles", "Cycles", "length of the phase", "longueur de la phase"),
    ("BaselineRUL", DOUBLE, "cycle", "Remaining useful life, present conditions",
     "Durée de vie utile restante, conditions actuelles",
     "remaining useful life when the present conditions go on", "durée de vie utile restante si rien ne change"),
    ("BaselineRULLower", DOUBLE, "cycle", "Remaining useful life, present conditions, lower bound",
     "Durée de vie utile restante, conditions actuelles, borne basse",
     "lower bound of the remaining useful life when the present conditions go on",
     "borne basse de la durée de vie utile restante si rien ne change"),
    ("BaselineRULUpper", DOUBLE, "cycle", "Remaining useful life, present conditions, upper bound",
     "Durée de vie utile restante, conditions actuelles, borne haute",
     "upper bound of the remaining useful life when the present conditions go on",
     "borne haute de la durée de vie utile restante si rien ne change"),
    ("BaselineEndOfLifeCycle", INT, "cycle", "End-of-life cycle, present conditions",
     "Cycle de fin de vie, conditions actuelles",
     "end-of-life cycle when the present conditions go on", "cycle de fin de vie si rien ne change"),
    ("BaselineTrajectory", STRUCTURE, None, "Capacity trajectory, present conditions",
     "Trajectoire de capacité, conditions actuelles",
     "predicted capacity by cycle when the present conditions go on", "capacité prédite par cycle si rien ne change"),
    ("Assumptions", STRING, None, "Assumptions", "Hypothèses",
     "which parts of the simulation the data support, and which rest on literature",
     "parties de la simulation étayées par les données et parties reposant sur la littérature"),
    ("DischargeSamples", STRING, None, "Discharge samples", "Échantillons de décharge",
     "CSV text with the columns Time, Voltage_measured, Current_measured, Temperature_measured of the discharge",
     "texte CSV aux colonnes Time, Voltage_measured, Current_measured, Temperature_measured de la décharge"),
    ("ChargeSamples", STRING, None, "Charge samples", "Échantillons de charge",
     "CSV text with the columns Time, Voltage_measured, Current_measured, Temperature_measured of the charge before",
     "texte CSV aux colonnes Time, Voltage_measured, Current_measured, Temperature_measured de la charge précédente"),
    ("RecordPath", STRING, None, "Record path", "Chemin de l'enregistrement",
     "idShort path of the record in OperationalData", "chemin d'idShorts de l'enregistrement dans OperationalData"),
    ("AlertsRaised", INT, "1", "Alerts raised", "Alertes levées",
     "number of alerts this cycle raised", "nombre d'alertes levées par ce cycle"),
    ("Outcome", STRING, None, "Outcome", "Résultat",
     "appended, or alreadyPresent when the very same cycle was there; corrected, withdrawn, restored or alreadySo",
     "appended (ajouté), alreadyPresent (déjà là) ; corrected (corrigé), withdrawn (retiré), restored, alreadySo"),
    ("CycleRows", STRING, None, "Rows of cycles", "Lignes de cycles",
     "CSV text, one finished cycle a line, with the inputs of AppendCycle as header (id_cycle and Capacity at least)",
     "texte CSV, un cycle terminé par ligne ; en-tête : les entrées d'AppendCycle (id_cycle et Capacity au moins)"),
    ("Samples", STRING, None, "Samples", "Échantillons",
     "CSV text, one sample a line: Time, Voltage_measured, Current_measured and, where known, Temperature_measured and "
     "id_cycle; Time in seconds after StartTime, else date and time or Unix seconds",
     "texte CSV, un échantillon par ligne : Time, Voltage_measured, Current_measured et, si connus, "
     "Temperature_measured et id_cycle ; Time en secondes après StartTime, sinon date et heure ou secondes Unix"),
    ("StartTime", DATE_TIME, None, "Start of the samples", "Début des échantillons",
     "date and time that Time in the samples counts its seconds from; with zone for UTC, without for the bench's clock",
     "date et heure d'où Time compte ses secondes ; avec fuseau pour UTC, sans pour l'horloge du banc"),
    ("PositiveCurrent", STRING, None, "Positive current", "Courant positif",
     "what a positive current does: charge or discharge; recognised by the voltage where it is not given",
     "effet d'un courant positif : charge ou discharge (décharge) ; reconnu par la tension s'il n'est pas donné"),
    ("EndOfData", BOOLEAN, None, "End of data", "Fin des données",
     "true when nothing follows: what is running has ended", "true si rien ne suit : ce qui est en cours est terminé"),
    ("SamplesTaken", INT, "1", "Samples taken", "Échantillons pris",
     "samples of this call that were taken", "échantillons de cet appel qui ont été pris"),
    ("SamplesNotLater", INT, "1", "Samples not later", "Échantillons non postérieurs",
     "samples left out because one of their time or later was known: sent again, doubled or backward times",
     "échantillons omis car un autre de même heure ou postérieur était connu : renvois, heures doublées ou reculant"),
    ("SamplesUnusable", INT, "1", "Samples unusable", "Échantillons inutilisables",
     "samples left out because they hold no number, or one that is impossible for the cell",
     "échantillons omis car sans nombre, ou à valeur impossible pour la cellule"),
    ("CyclesAppended", INT, "1", "Cycles appended", "Cycles ajoutés",
     "cycles that were appended to the history by this call", "cycles ajoutés à l'historique par cet appel"),
    ("CyclesPresent", INT, "1", "Cycles present", "Cycles présents",
     "cycles of this call that were in the history already", "cycles de cet appel déjà dans l'historique"),
    ("CyclesRejected", INT, "1", "Cycles rejected", "Cycles rejetés",
     "discharges of this call that are no cycle", "décharges de cet appel qui ne sont pas des cycles"),
    ("EndedCycles", STRUCTURE, None, "Ended cycles", "Cycles terminés",
     "what became of each cycle of this call", "ce qu'est devenu chaque cycle de cet appel"),
    ("EndedCycle", STRUCTURE, None, "Ended cycle", "Cycle terminé",
     "a cycle of this call: appended, alreadyPresent or rejected with the reason",
     "cycle de cet appel : appended, alreadyPresent ou rejected avec la raison"),
    ("CycleOutcome", STRING, None, "Outcome", "Résultat",
     "appended, alreadyPresent or rejected", "appended (ajouté), alreadyPresent (déjà présent) ou rejected (rejeté)"),
    ("CycleRemarks", STRING, None, "Remarks", "Remarques",
     "what to know of a cycle from samples: gapBridged, noChargeBefore, thinned, noEndVoltage; comma separated",
     "à savoir d'un cycle issu d'échantillons : gapBridged, noChargeBefore, thinned, noEndVoltage ; séparés par des "
     "virgules"),
    ("CellPhase", STRING, None, "Phase", "Phase",
     "charge, discharge or rest, by the last sample",
     "charge, discharge (décharge) ou rest (repos), au dernier échantillon"),
    ("TimeBudget_s", DOUBLE, "s", "Time budget", "Budget de temps",
     "time after which no further cell is begun", "temps après lequel aucune autre cellule n'est entamée"),
    ("Results", STRUCTURE, None, "Results", "Résultats", "one result per cell", "un résultat par cellule"),
    ("CellResult", STRUCTURE, None, "Result of a cell", "Résultat d'une cellule",
     "prediction of one cell, or why there is none", "prédiction d'une cellule, ou la raison de son absence"),
    ("ResultStatus", STRING, None, "Result status", "Statut du résultat",
     "ok or an error code, for one cell", "ok ou un code d'erreur, pour une cellule"),
    ("ResultMessage", STRING, None, "Result message", "Message du résultat",
     "what happened with one cell, for people", "ce qui s'est passé pour une cellule, pour les personnes"),
    # --- AI model
    ("ModelFileSHA256", STRING, None, "SHA-256 of the model file", "SHA-256 du fichier du modèle",
     "SHA-256 checksum of the model's file, in hexadecimal", "somme SHA-256 du fichier du modèle, en hexadécimal"),
    ("TrainingCell", STRING, None, "Training cells", "Cellules d'apprentissage",
     "cells whose data the model was fitted on", "cellules dont les données ont servi à l'apprentissage"),
    ("HyperparameterValue", STRING, None, "Hyperparameter", "Hyperparamètre",
     "setting of the training that is not learnt from data",
     "réglage de l'apprentissage qui n'est pas appris des données"),
    ("KnownLimits", STRING, None, "Known limits", "Limites connues",
     "what the model is not to be trusted with", "ce pour quoi il ne faut pas se fier au modèle"),
    ("TrainingRange", STRUCTURE, None, "Training range", "Domaine d'apprentissage",
     "range of each quantity over the training data", "domaine de chaque grandeur dans les données d'apprentissage"),
    ("QuantityRange", STRUCTURE, None, "Range of a quantity", "Domaine d'une grandeur",
     "lowest and highest value, mean and standard deviation", "valeurs minimale et maximale, moyenne et écart type"),
    ("Unit", STRING, None, "Unit", "Unité", "unit of the numbers beside it", "unité des nombres voisins"),
    ("Lowest", DOUBLE, None, "Lowest", "Minimum", "lowest value, in the unit beside it",
     "valeur minimale, dans l'unité"),
    ("Highest", DOUBLE, None, "Highest", "Maximum", "highest value, in the unit beside it",
     "valeur maximale, dans l'unité"),
    ("Mean", DOUBLE, None, "Mean", "Moyenne", "mean, in the unit beside it", "moyenne, dans l'unité indiquée à côté"),
    ("StandardDeviation", DOUBLE, None, "Standard deviation", "Écart type",
     "standard deviation, in the unit beside it", "écart type, dans l'unité indiquée à côté"),
    ("TrainingDataSHA256", STRING, None, "SHA-256 of the training data", "SHA-256 des données d'apprentissage",
     "SHA-256 checksum of the data the model was fitted on, in hexadecimal",
     "somme SHA-256 des données d'apprentissage, en hexadécimal"),
]  # fmt: skip

CONCEPTS: dict[str, Concept] = {row[0]: Concept(*row) for row in _TABLE}

SEVERITIES = ("none", "warning", "critical", "endOfLife")
"""Of alerts and of cells, rising."""
CHOICES: dict[str, tuple[str, ...]] = {
    "Severity": SEVERITIES[1:],
    "AlertSeverity": SEVERITIES,
    "AlertState": ("activeUnacknowledged", "activeAcknowledged", "clearedUnacknowledged", "cleared"),
    "Clock": ("bench", "UTC"),
    "Indicator": ("RUL", "StateOfHealth", "Temperature_measured", "ModelRange"),
    "Event": ("raised", "acknowledged", "cleared"),
    "PredictionStatus": ("ok", "earlyLife", "pastEndOfLife", "noHistory", "noRatedCapacity"),
    "PredictionGrade": ("validated", "extrapolated", "ownHistoryOnly", "orderOfMagnitude", "notKnown"),
}
"""Concept -> the only texts that its Properties hold."""

# idShort of the record column -> concept, where the two differ
_COLUMN_CONCEPT = {"Time": "CycleStartTime"}
RECORD_COLUMNS: tuple[Column, ...] = tuple(
    Column(id_short, CONCEPTS[_COLUMN_CONCEPT.get(id_short, id_short)])
    for id_short in (
        "id_cycle", "Time", "type", "ambient_temperature", "Capacity", "StateOfHealth", "Voltage_measured",
        "Current_measured", "Temperature_measured", "Current_charge", "Voltage_charge", "Duration", "RestBefore",
        "DischargeCurrent", "VoltageDrop", "OhmicResistance", "TemperatureRise", "Voltage300s", "Voltage600s",
        "Charge3V8To3V6", "Charge3V7To3V5", "ChargeTo3V5", "ChargeCapacity", "ChargeSincePrevious", "CCCharge",
        "CVCharge", "CVTimeTo0A5", "CVCurrentAt1000s", "ChargeTime3V9To4V0", "ChargeTime4V0To4V1", "Re", "Rct",
    )
)  # fmt: skip

# Columns of the CSV files with sampled curves (ExternalSegment): one row per sample.
CURVE_COLUMNS = ("id_cycle", "type", "Time", "Voltage_measured", "Current_measured", "Temperature_measured")


def choices() -> dict[str, tuple[str, ...]]:
    """CHOICES by semanticId, as aasx.elements.shape.shape_of takes them."""
    return {concept_id(name): texts for name, texts in CHOICES.items()}


def unit_of(concept: str) -> str | None:
    return CONCEPTS[concept].unit


def name_of(concept: str, language: str) -> str:
    """Preferred name in `language` ("en" or "fr")."""
    return CONCEPTS[concept].name_fr if language == "fr" else CONCEPTS[concept].name_en


@cache
def template_concepts() -> dict[str, Concept]:
    """What the semanticIds of the published templates mean, by identifier; names and definitions in our own words.

    Tools look a concept description up under each id; units of rated values come from there.
    """
    with TEMPLATE_CONCEPTS_FILE.open(encoding="utf-8", newline="") as file:
        return {
            identifier: Concept(
                row["id_short"], row["xs_type"] or None, row["unit"] or None, row["name_en"], row["name_fr"],
                row["definition_en"], row["definition_fr"],
            )
            for row in csv.DictReader(file)
            for identifier in row["ids"].split()
        }  # fmt: skip


def concept_descriptions() -> list[model.ConceptDescription]:
    """All concepts as AAS concept descriptions with an IEC 61360 data specification: our own, then the templates'."""
    own = {concept_id(concept.id): concept for concept in CONCEPTS.values()}
    return [_description(identifier, concept) for identifier, concept in {**own, **template_concepts()}.items()]


def _description(identifier: str, concept: Concept) -> model.ConceptDescription:
    content = model.DataSpecificationIEC61360(
        model.PreferredNameTypeIEC61360({"en": concept.name_en, "fr": concept.name_fr}),
        data_type=_data_type(concept),
        definition=model.DefinitionTypeIEC61360({"en": concept.definition_en, "fr": concept.definition_fr}),
        unit=concept.unit,
    )
    specification = model.ExternalReference((model.Key(model.KeyTypes.GLOBAL_REFERENCE, IEC61360),))
    return model.ConceptDescription(
        identifier,
        id_short=concept.id,
        administration=model.AdministrativeInformation(version="1", revision="0"),
        embedded_data_specifications=[model.EmbeddedDataSpecification(specification, content)],
    )


def _data_type(concept: Concept) -> model.DataTypeIEC61360 | None:
    """IEC 61360 type: a measure needs a unit (AASc-3a-009), a plain number does not."""
    types = model.DataTypeIEC61360
    if concept.xs_type == DOUBLE:
        return types.REAL_MEASURE if concept.unit else types.REAL_COUNT
    if concept.xs_type in (INT, LONG):
        return types.INTEGER_MEASURE if concept.unit else types.INTEGER_COUNT
    return {STRING: types.STRING, BOOLEAN: types.BOOLEAN, DATE_TIME: types.TIMESTAMP}.get(concept.xs_type or "")
